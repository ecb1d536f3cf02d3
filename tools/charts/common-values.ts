import { choice, flag, group, object, objects, pairs, text, type Values } from './value.ts';

/** Where the image is. None is published, so its repository has to be said. `build` is the command that builds it. */
export function imageValues(name: string, build: string): Values {
  return {
    image: group('The image. None is published yet: build it and push it.', {
      repository: text(
        `Registry and path, such as \`registry.example.com/${name}\`. \`${build}\` builds it.`,
      ),
      tag: text('Tag. Default: the version of the chart.'),
      digest: text('Digest, which then counts instead of the tag: `sha256:…`.', '', {
        pattern: '^(sha256:[0-9a-f]{64})?$',
      }),
      pullPolicy: choice('When the image is pulled.', ['IfNotPresent', 'Always', 'Never']),
    }),
    imagePullSecrets: objects('Secrets for pulling the image: `- name: registry`.'),
    nameOverride: text('In the place of the name of the chart, in names of objects.'),
    fullnameOverride: text('The name of all objects. Default: the name of the release, and of the chart.'),
  };
}

/** As deploy/base/deployment.yaml has it. */
export const SECURITY_VALUES: Values = {
  podSecurityContext: object('Security context of the Pod.', {
    runAsNonRoot: true,
    runAsUser: 1000,
    runAsGroup: 1000,
    fsGroup: 1000,
    seccompProfile: { type: 'RuntimeDefault' },
  }),
  securityContext: object('Security context of the container.', {
    allowPrivilegeEscalation: false,
    readOnlyRootFilesystem: true,
    capabilities: { drop: ['ALL'] },
  }),
};

export function serviceAccountValues(doc: string): Values {
  return {
    serviceAccount: group(doc, {
      create: flag('Whether the chart makes it.', true),
      name: text('Its name. Default: that of the other objects; `default` where it is not made.'),
      annotations: pairs('Its annotations.'),
    }),
  };
}

/** Where Pods run. */
export const PLACEMENT_VALUES: Values = {
  nodeSelector: pairs('Labels of the nodes for it.'),
  tolerations: objects('Taints of nodes that are tolerated.'),
  affinity: object('Affinity of the Pods.'),
  topologySpreadConstraints: objects(
    'How the Pods are spread. Default: over nodes, where there are several Pods.',
  ),
  priorityClassName: text('Priority class of the Pods.'),
};

export const MONITOR_VALUES: Values = {
  serviceMonitor: group("For the Prometheus operator: it has to be there, for the kind is the operator's.", {
    enabled: flag('Whether there is a ServiceMonitor.', false),
    labels: pairs('Labels by which a Prometheus chooses it.'),
  }),
};
