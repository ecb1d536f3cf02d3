// What `install` applies is what `kubectl apply -k deploy/…` applies: both are made of these files.
import deployment from '../../deploy/base/deployment.yaml';
import namespace from '../../deploy/base/namespace.yaml';
import role from '../../deploy/base/role.yaml';
import serviceAccount from '../../deploy/base/service-account.yaml';
import clusterRoles from '../../deploy/cluster/cluster-roles.yaml';
import escalateRole from '../../deploy/escalate/cluster-role.yaml';
import impersonateRole from '../../deploy/impersonate/cluster-role.yaml';
import roleInNamespace from '../../deploy/namespaces/role-in-namespace.yaml';
import roleToList from '../../deploy/namespaces/role-to-list.yaml';

export const DEPLOY_FILES = {
  'deploy/base/namespace.yaml': namespace,
  'deploy/base/service-account.yaml': serviceAccount,
  'deploy/base/role.yaml': role,
  'deploy/base/deployment.yaml': deployment,
  'deploy/cluster/cluster-roles.yaml': clusterRoles,
  'deploy/escalate/cluster-role.yaml': escalateRole,
  'deploy/impersonate/cluster-role.yaml': impersonateRole,
  'deploy/namespaces/role-in-namespace.yaml': roleInNamespace,
  'deploy/namespaces/role-to-list.yaml': roleToList,
} as const;

export type DeployFiles = Readonly<Record<keyof typeof DEPLOY_FILES, string>>;
