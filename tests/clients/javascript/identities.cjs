// The whole life of users, groups, roles, policies, instance profiles and access keys by the JavaScript SDK, its waiters, and roles
// assumed. Prints one line for each thing that was seen.
"use strict";
const iam = require("@aws-sdk/client-iam");
const sts = require("@aws-sdk/client-sts");

const client = new iam.IAMClient({});
const send = (name, input = {}) => client.send(new iam[`${name}Command`](input));
const document = (...Statement) => JSON.stringify({ Version: "2012-10-17", Statement });
const allow = (Action, Resource = "*") => ({ Effect: "Allow", Action, Resource });

async function refused(said, of, name, input) {
  try {
    await of(name, input);
    throw new Error(`${name} was not refused`);
  } catch (error) {
    console.log(said, error.name, error.$metadata.httpStatusCode, error.message);
    return error;
  }
}

async function exists(name, input) {
  const { state } = await iam[`waitUntil${name}`]({ client, maxWaitTime: 60, minDelay: 1, maxDelay: 2 }, input);
  console.log(name, state);
}

async function all(paginate, input, member) {
  const found = [];
  for await (const page of paginate({ client, pageSize: 1 }, input)) found.push(...page[member]);
  return found;
}

async function main() {
  const { Account, Arn } = await new sts.STSClient({}).send(new sts.GetCallerIdentityCommand({}));
  console.log("caller", Arn.endsWith(":user/Administrator"));

  const { User } = await send("CreateUser", { UserName: "ann", Path: "/web/", Tags: [{ Key: "team", Value: "web" }] });
  console.log("user", User.Arn === `arn:aws:iam::${Account}:user/web/ann`, User.CreateDate instanceof Date, User.Tags[0].Value);
  await exists("UserExists", { UserName: "ann" });
  await refused("twice", send, "CreateUser", { UserName: "ANN" });
  await send("TagUser", { UserName: "ann", Tags: [{ Key: "Team", Value: "ops" }] });
  console.log("tags", JSON.stringify((await send("ListUserTags", { UserName: "ann" })).Tags));

  const { Group } = await send("CreateGroup", { GroupName: "readers" });
  await send("AddUserToGroup", { GroupName: "readers", UserName: "ann" });
  const members = await all(iam.paginateGetGroup, { GroupName: "readers" }, "Users");
  console.log("group", Group.GroupName, members.map((each) => each.UserName).join());

  const { Policy } = await send("CreatePolicy", { PolicyName: "read", PolicyDocument: document(allow("s3:GetObject")) });
  await exists("PolicyExists", { PolicyArn: Policy.Arn });
  await send("CreatePolicyVersion", { PolicyArn: Policy.Arn, PolicyDocument: document(allow("iam:GetUser")), SetAsDefault: true });
  const { PolicyVersion } = await send("GetPolicyVersion", { PolicyArn: Policy.Arn, VersionId: "v2" });
  console.log("version", PolicyVersion.IsDefaultVersion, JSON.parse(decodeURIComponent(PolicyVersion.Document)).Statement[0].Action);
  await send("AttachGroupPolicy", { GroupName: "readers", PolicyArn: Policy.Arn });
  await send("PutUserPolicy", { UserName: "ann", PolicyName: "assume", PolicyDocument: document(allow("sts:AssumeRole")) });

  const trust = document({ Effect: "Allow", Principal: { AWS: Account }, Action: "sts:AssumeRole" });
  await refused("trust", send, "CreateRole", { RoleName: "deploy", AssumeRolePolicyDocument: "{" });
  const { Role } = await send("CreateRole", { RoleName: "deploy", AssumeRolePolicyDocument: trust });
  await exists("RoleExists", { RoleName: "deploy" });
  await send("AttachRolePolicy", { RoleName: "deploy", PolicyArn: Policy.Arn });
  await send("UpdateRole", { RoleName: "deploy", MaxSessionDuration: 7200, Description: "deploys" });
  const { Role: updated } = await send("GetRole", { RoleName: "deploy" });
  console.log("role", updated.MaxSessionDuration, updated.Description, JSON.parse(decodeURIComponent(updated.AssumeRolePolicyDocument)).Version);

  await send("CreateInstanceProfile", { InstanceProfileName: "deploy" });
  await exists("InstanceProfileExists", { InstanceProfileName: "deploy" });
  await send("AddRoleToInstanceProfile", { InstanceProfileName: "deploy", RoleName: "deploy" });
  const { InstanceProfile } = await send("GetInstanceProfile", { InstanceProfileName: "deploy" });
  console.log("profile", InstanceProfile.Roles.map((each) => each.RoleName).join());

  const { AccessKey } = await send("CreateAccessKey", { UserName: "ann" });
  const credentials = { accessKeyId: AccessKey.AccessKeyId, secretAccessKey: AccessKey.SecretAccessKey };
  const hers = new sts.STSClient({ credentials });
  const theirs = (name, input) => hers.send(new sts[`${name}Command`](input));
  const assumed = await theirs("AssumeRole", { RoleArn: Role.Arn, RoleSessionName: "one", DurationSeconds: 900 });
  console.log("assumed", assumed.AssumedRoleUser.Arn === `arn:aws:sts::${Account}:assumed-role/deploy/one`, assumed.Credentials.Expiration instanceof Date);
  await refused("too long", theirs, "AssumeRole", { RoleArn: Role.Arn, RoleSessionName: "one", DurationSeconds: 10000 });
  await refused("none", theirs, "AssumeRole", { RoleArn: `${Role.Arn}-2`, RoleSessionName: "one" });

  const session = { accessKeyId: assumed.Credentials.AccessKeyId, secretAccessKey: assumed.Credentials.SecretAccessKey, sessionToken: assumed.Credentials.SessionToken };
  const as = new iam.IAMClient({ credentials: session });
  const sessions = (name, input = {}) => as.send(new iam[`${name}Command`](input));
  console.log("as the role", (await sessions("GetUser", { UserName: "ann" })).User.UserId === User.UserId);
  await refused("denied", sessions, "ListUsers");
  await send("UpdateAccessKey", { UserName: "ann", AccessKeyId: AccessKey.AccessKeyId, Status: "Inactive" });
  await refused("inactive", theirs, "GetCallerIdentity", {});

  await refused("in use", send, "DeletePolicy", { PolicyArn: Policy.Arn });
  const listed = await all(iam.paginateListRoles, {}, "Roles");
  console.log("listed", listed.some((each) => each.RoleName === "deploy"));
  await send("DeleteAccessKey", { UserName: "ann", AccessKeyId: AccessKey.AccessKeyId });
  await send("RemoveRoleFromInstanceProfile", { InstanceProfileName: "deploy", RoleName: "deploy" });
  await send("DeleteInstanceProfile", { InstanceProfileName: "deploy" });
  await send("DetachRolePolicy", { RoleName: "deploy", PolicyArn: Policy.Arn });
  await send("DeleteRole", { RoleName: "deploy" });
  await send("DetachGroupPolicy", { GroupName: "readers", PolicyArn: Policy.Arn });
  await send("DeletePolicyVersion", { PolicyArn: Policy.Arn, VersionId: "v1" });
  await send("DeletePolicy", { PolicyArn: Policy.Arn });
  await send("RemoveUserFromGroup", { GroupName: "readers", UserName: "ann" });
  await send("DeleteGroup", { GroupName: "readers" });
  await send("DeleteUserPolicy", { UserName: "ann", PolicyName: "assume" });
  await send("DeleteUser", { UserName: "ann" });
  const gone = await refused("gone", send, "GetUser", { UserName: "ann" });
  console.log("class", gone instanceof iam.NoSuchEntityException);
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
