#!/bin/sh
# A VPC over three zones by the `aws` command, built, looked at and taken down again. Prints what it saw.
set -eu

# Make one thing, and print its id: what to make, where the id stands in the answer, and the options.
make() {
  what=$1 id=$2
  shift 2
  aws ec2 "$what" --query "$id" --output text "$@"
}

vpc=$(make create-vpc Vpc.VpcId --cidr-block 10.0.0.0/16 \
  --tag-specifications 'ResourceType=vpc,Tags=[{Key=Name,Value=three-zones}]')
aws ec2 wait vpc-available --vpc-ids "$vpc"
aws ec2 modify-vpc-attribute --vpc-id "$vpc" --enable-dns-hostnames '{"Value": true}'
gateway=$(make create-internet-gateway InternetGateway.InternetGatewayId)
aws ec2 attach-internet-gateway --internet-gateway-id "$gateway" --vpc-id "$vpc"
group=$(make create-security-group GroupId --vpc-id "$vpc" --group-name web --description web)
aws ec2 authorize-security-group-ingress --group-id "$group" --protocol tcp --port 443 --cidr 0.0.0.0/0 >/dev/null
table=$(make create-route-table RouteTable.RouteTableId --vpc-id "$vpc")
aws ec2 create-route --route-table-id "$table" --destination-cidr-block 0.0.0.0/0 --gateway-id "$gateway" >/dev/null

subnets=
associations=
number=0
for zone in $(aws ec2 describe-availability-zones --query 'AvailabilityZones[:3].ZoneName' --output text); do
  subnet=$(make create-subnet Subnet.SubnetId --vpc-id "$vpc" --availability-zone "$zone" --cidr-block "10.0.$number.0/24")
  associations="$associations $(make associate-route-table AssociationId --route-table-id "$table" --subnet-id "$subnet")"
  subnets="$subnets $subnet"
  number=$((number + 1))
done
# shellcheck disable=SC2086 # several ids
aws ec2 wait subnet-available --subnet-ids $subnets
first=${subnets# } && first=${first%% *}
allocation=$(make allocate-address AllocationId --domain vpc)
nat=$(make create-nat-gateway NatGateway.NatGatewayId --subnet-id "$first" --allocation-id "$allocation")
aws ec2 wait nat-gateway-available --nat-gateway-ids "$nat"
interface=$(make create-network-interface NetworkInterface.NetworkInterfaceId --subnet-id "$first" --groups "$group")
aws ec2 wait network-interface-available --network-interface-ids "$interface"

echo "subnets: $(aws ec2 describe-subnets --filters "Name=vpc-id,Values=$vpc" --query 'length(Subnets)')"
echo "interfaces: $(aws ec2 describe-network-interfaces --filters "Name=vpc-id,Values=$vpc" --page-size 5 --query 'length(NetworkInterfaces)')"
if aws ec2 delete-vpc --vpc-id "$vpc" 2>/dev/null; then
  echo "the VPC was deleted while it was in use" >&2
  exit 1
fi

aws ec2 delete-network-interface --network-interface-id "$interface"
aws ec2 delete-nat-gateway --nat-gateway-id "$nat" >/dev/null
aws ec2 wait nat-gateway-deleted --nat-gateway-ids "$nat"
aws ec2 release-address --allocation-id "$allocation"
for association in $associations; do
  aws ec2 disassociate-route-table --association-id "$association"
done
for subnet in $subnets; do
  aws ec2 delete-subnet --subnet-id "$subnet"
done
aws ec2 delete-route-table --route-table-id "$table"
aws ec2 delete-security-group --group-id "$group" >/dev/null
aws ec2 detach-internet-gateway --internet-gateway-id "$gateway" --vpc-id "$vpc"
aws ec2 delete-internet-gateway --internet-gateway-id "$gateway"
aws ec2 delete-vpc --vpc-id "$vpc"
