// The waiters of the JavaScript SDK settle on what they wait for. Prints one line for each.
"use strict";
const ec2 = require("@aws-sdk/client-ec2");

const client = new ec2.EC2Client({});
const send = (name, input) => client.send(new ec2[`${name}Command`](input));

async function settles(name, input) {
  const { state } = await ec2[`waitUntil${name}`]({ client, maxWaitTime: 60, minDelay: 1, maxDelay: 2 }, input);
  if (state !== "SUCCESS") throw new Error(`${name}: ${state}`);
  console.log(name);
}

async function main() {
  const vpc = (await send("CreateVpc", { CidrBlock: "10.0.0.0/16" })).Vpc.VpcId;
  await settles("VpcExists", { VpcIds: [vpc] });
  await settles("VpcAvailable", { VpcIds: [vpc] });
  const gateway = (await send("CreateInternetGateway", {})).InternetGateway.InternetGatewayId;
  await settles("InternetGatewayExists", { InternetGatewayIds: [gateway] });
  await send("AttachInternetGateway", { InternetGatewayId: gateway, VpcId: vpc });
  const group = (await send("CreateSecurityGroup", { VpcId: vpc, GroupName: "web", Description: "web" })).GroupId;
  await settles("SecurityGroupExists", { GroupIds: [group] });
  const subnet = (await send("CreateSubnet", { VpcId: vpc, CidrBlock: "10.0.0.0/24" })).Subnet.SubnetId;
  await settles("SubnetAvailable", { SubnetIds: [subnet] });
  const made = await send("CreateNetworkInterface", { SubnetId: subnet, Groups: [group] });
  const interfaceId = made.NetworkInterface.NetworkInterfaceId;
  await settles("NetworkInterfaceAvailable", { NetworkInterfaceIds: [interfaceId] });
  const address = (await send("AllocateAddress", { Domain: "vpc" })).AllocationId;
  const nat = (await send("CreateNatGateway", { SubnetId: subnet, AllocationId: address })).NatGateway.NatGatewayId;
  await settles("NatGatewayAvailable", { NatGatewayIds: [nat] });
  await send("DeleteNatGateway", { NatGatewayId: nat });
  await settles("NatGatewayDeleted", { NatGatewayIds: [nat] });

  await send("ReleaseAddress", { AllocationId: address });
  await send("DeleteNetworkInterface", { NetworkInterfaceId: interfaceId });
  await send("DeleteSubnet", { SubnetId: subnet });
  await send("DeleteSecurityGroup", { GroupId: group });
  await send("DetachInternetGateway", { InternetGatewayId: gateway, VpcId: vpc });
  await send("DeleteInternetGateway", { InternetGatewayId: gateway });
  await send("DeleteVpc", { VpcId: vpc });
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
