#!/bin/sh
# Users, groups, roles, policies, instance profiles and providers by the `aws` command: created, read, changed and deleted again.
# Prints what it read after each change.
set -eu

iam() {
  aws iam "$@" --output text
}

allow() {
  printf '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"%s","Resource":"*"}]}' "$1"
}

trust() {
  printf '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"%s.amazonaws.com"},"Action":"sts:AssumeRole"}]}' "$1"
}

policy=$(iam create-policy --policy-name read --policy-document "$(allow 's3:Get*')" --tags Key=team,Value=web --query Policy.Arn)
iam create-policy-version --policy-arn "$policy" --policy-document "$(allow 's3:List*')" --set-as-default >/dev/null
echo "policy: $(iam get-policy-version --policy-arn "$policy" --version-id v2 --query PolicyVersion.Document.Statement[0].Action)"
iam delete-policy-version --policy-arn "$policy" --version-id v1

iam create-user --user-name ann --path /people/ >/dev/null
iam create-group --group-name readers >/dev/null
iam add-user-to-group --user-name ann --group-name readers
iam attach-group-policy --group-name readers --policy-arn "$policy"
iam put-user-policy --user-name ann --policy-name own --policy-document "$(allow 'ec2:Describe*')"
iam tag-user --user-name ann --tags Key=team,Value=ops
key=$(iam create-access-key --user-name ann --query AccessKey.AccessKeyId)
iam update-access-key --user-name ann --access-key-id "$key" --status Inactive
iam update-user --user-name ann --new-user-name bob
iam update-group --group-name readers --new-group-name viewers
echo "user: $(iam get-user --user-name bob --query '[User.Arn,User.Tags[0].Value]')"
echo "groups: $(iam list-groups-for-user --user-name bob --query Groups[].GroupName)"
echo "key: $(iam list-access-keys --user-name bob --query AccessKeyMetadata[0].Status)"

iam create-role --role-name web --assume-role-policy-document "$(trust ec2)" >/dev/null
iam attach-role-policy --role-name web --policy-arn "$policy"
iam update-role --role-name web --max-session-duration 7200 --description 'of the web servers' >/dev/null
iam update-assume-role-policy --role-name web --policy-document "$(trust ecs-tasks)"
iam create-instance-profile --instance-profile-name web >/dev/null
iam add-role-to-instance-profile --instance-profile-name web --role-name web
iam tag-instance-profile --instance-profile-name web --tags Key=team,Value=ops
echo "role: $(iam get-role --role-name web --query '[Role.MaxSessionDuration,Role.AssumeRolePolicyDocument.Statement[0].Principal.Service]')"
echo "profile: $(iam get-instance-profile --instance-profile-name web --query '[InstanceProfile.Roles[0].RoleName,InstanceProfile.Tags[0].Value]')"

github=$(iam create-open-id-connect-provider --url https://token.actions.githubusercontent.com --client-id-list sts.amazonaws.com \
  --query OpenIDConnectProviderArn)
iam add-client-id-to-open-id-connect-provider --open-id-connect-provider-arn "$github" --client-id another
iam update-open-id-connect-provider-thumbprint --open-id-connect-provider-arn "$github" \
  --thumbprint-list 6938fd4d98bab03faadb97b34396831e3780aea1
echo "provider: $(iam get-open-id-connect-provider --open-id-connect-provider-arn "$github" --query 'sort(ClientIDList)')"
saml=$(iam create-saml-provider --name staff --saml-metadata-document "file://$1" --query SAMLProviderArn)
iam update-saml-provider --saml-provider-arn "$saml" --saml-metadata-document "file://$1" >/dev/null
echo "entities: $(iam list-entities-for-policy --policy-arn "$policy" --query '[PolicyGroups[0].GroupName,PolicyRoles[0].RoleName]')"

iam delete-saml-provider --saml-provider-arn "$saml"
iam delete-open-id-connect-provider --open-id-connect-provider-arn "$github"
iam remove-role-from-instance-profile --instance-profile-name web --role-name web
iam delete-instance-profile --instance-profile-name web
iam detach-role-policy --role-name web --policy-arn "$policy"
iam delete-role --role-name web
iam delete-access-key --user-name bob --access-key-id "$key"
iam delete-user-policy --user-name bob --policy-name own
iam remove-user-from-group --user-name bob --group-name viewers
iam delete-user --user-name bob
iam detach-group-policy --group-name viewers --policy-arn "$policy"
iam delete-group --group-name viewers
iam delete-policy --policy-arn "$policy"
