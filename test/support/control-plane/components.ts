import { generateKeyPairSync } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { COMPONENT_USERS } from './users.ts';

/** Addresses and files that the components share. All files are below the throwaway directory. */
export interface Layout {
  dir: string;
  url: string;
  apiPort: number;
  etcdUrl: string;
  etcdPeerUrl: string;
  /** Written by the API server at its first start. */
  caFile: string;
  tokenFile: string;
  serviceAccountKey: string;
  auditLog?: string;
}

/** The key that signs the tokens of ServiceAccounts. In SEC 1: of PKCS 8 the server reads no public half. */
export function writeServiceAccountKey(file: string): void {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
  writeFileSync(file, privateKey.export({ type: 'sec1', format: 'pem' }), { mode: 0o600 });
}

/** Every request but those of the components and of whoever looks whether the server is up. */
function writeAuditPolicy(file: string): void {
  const policy = {
    apiVersion: 'audit.k8s.io/v1',
    kind: 'Policy',
    omitStages: ['RequestReceived'],
    rules: [
      { level: 'None', users: ['system:apiserver', ...Object.values(COMPONENT_USERS)] },
      { level: 'None', nonResourceURLs: ['/readyz*', '/livez*', '/healthz*'] },
      { level: 'Metadata' },
    ],
  };
  writeFileSync(file, JSON.stringify(policy));
}

export function etcdArguments(layout: Layout): string[] {
  return [
    `--data-dir=${join(layout.dir, 'etcd')}`,
    `--listen-client-urls=${layout.etcdUrl}`,
    `--advertise-client-urls=${layout.etcdUrl}`,
    `--listen-peer-urls=${layout.etcdPeerUrl}`,
    `--initial-advertise-peer-urls=${layout.etcdPeerUrl}`,
    `--initial-cluster=default=${layout.etcdPeerUrl}`,
    // The data is thrown away: durability would only cost time.
    '--unsafe-no-fsync',
    '--log-level=warn',
  ];
}

export function apiServerArguments(
  layout: Layout,
  options: { workloads: boolean; flags: readonly string[] },
): string[] {
  const flags = [
    `--etcd-servers=${layout.etcdUrl}`,
    '--bind-address=127.0.0.1',
    '--advertise-address=127.0.0.1',
    `--secure-port=${layout.apiPort}`,
    `--cert-dir=${join(layout.dir, 'certificates')}`,
    `--token-auth-file=${layout.tokenFile}`,
    '--authorization-mode=RBAC',
    '--service-account-issuer=https://kubernetes.default.svc.cluster.local',
    `--service-account-key-file=${layout.serviceAccountKey}`,
    `--service-account-signing-key-file=${layout.serviceAccountKey}`,
    // The aggregator dials ClusterIPs: those of another range would leave the machine.
    '--service-cluster-ip-range=127.10.0.0/20',
    // An Endpoints object must not hold a loopback address; the server would log that failure every few seconds.
    '--endpoint-reconciler-type=none',
    '--allow-privileged=true',
  ];
  // It refuses every Pod until a controller has made the namespace's default ServiceAccount.
  if (!options.workloads) flags.push('--disable-admission-plugins=ServiceAccount');
  if (layout.auditLog) {
    const policy = join(layout.dir, 'audit-policy.json');
    writeAuditPolicy(policy);
    flags.push(
      `--audit-policy-file=${policy}`,
      `--audit-log-path=${layout.auditLog}`,
      // In megabytes: readers keep an offset into the file, so that it must not be rotated away.
      '--audit-log-maxsize=100000',
    );
  }
  return [...flags, ...options.flags];
}

/** The components that make Deployments, ServiceAccounts and Nodes come alive. */
export function workloadArguments(
  layout: Layout,
  kubeconfigOf: (component: keyof typeof COMPONENT_USERS) => string,
): Record<keyof typeof COMPONENT_USERS, string[]> {
  return {
    'kube-controller-manager': [
      `--kubeconfig=${kubeconfigOf('kube-controller-manager')}`,
      `--service-account-private-key-file=${layout.serviceAccountKey}`,
      `--root-ca-file=${layout.caFile}`,
      '--leader-elect=false',
      '--secure-port=0',
      // The default of 20 requests a second makes the deletion of a test's namespace wait in line.
      '--kube-api-qps=300',
      '--kube-api-burst=600',
    ],
    'kube-scheduler': [
      `--kubeconfig=${kubeconfigOf('kube-scheduler')}`,
      '--leader-elect=false',
      '--secure-port=0',
      '--kube-api-qps=300',
      '--kube-api-burst=600',
    ],
    kwok: [
      `--kubeconfig=${kubeconfigOf('kwok')}`,
      '--manage-all-nodes=true',
      // Without leases the Node goes NotReady every minute, and its Pods never become Ready again.
      '--node-lease-duration-seconds=40',
    ],
  };
}

/** A Node that kwok keeps Ready. The labels are those that common manifests select. */
export function fakeNode(name: string) {
  const arch = process.arch === 'arm64' ? 'arm64' : 'amd64';
  const resources = { cpu: '64', memory: '256Gi', 'ephemeral-storage': '1Ti', pods: '1000' };
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: {
      name,
      annotations: { 'kwok.x-k8s.io/node': 'fake' },
      labels: { 'kubernetes.io/os': 'linux', 'kubernetes.io/arch': arch, 'kubernetes.io/hostname': name },
    },
    status: { capacity: resources, allocatable: resources },
  };
}
