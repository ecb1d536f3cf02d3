import { judgeTable } from './table.ts';

judgeTable('PersistentVolumeClaim', [
  {
    title: 'no status',
    kind: 'v1 PersistentVolumeClaim',
    yaml: '',
    health: 'progressing NotBound',
    as: 'kstatus; unknown in Argo CD',
  },
  {
    title: 'bound',
    kind: 'v1 PersistentVolumeClaim',
    yaml: 'spec: {volumeName: pv-1}\nstatus: {phase: Bound}',
    health: 'healthy Bound',
    says: 'it is bound to the volume pv-1',
    as: 'both',
  },
  {
    title: 'pending, perhaps for its first consumer',
    kind: 'v1 PersistentVolumeClaim',
    yaml: 'spec: {storageClassName: fast}\nstatus: {phase: Pending}',
    health: 'progressing NotBound',
    says: 'no volume yet; StorageClass fast may wait for the first Pod that uses it',
    as: 'both',
  },
  {
    title: 'lost',
    kind: 'v1 PersistentVolumeClaim',
    yaml: 'status: {phase: Lost}',
    health: 'degraded Lost !',
    as: 'Argo CD; in progress in kstatus',
  },
]);

judgeTable('PersistentVolume', [
  {
    title: 'available',
    kind: 'v1 PersistentVolume',
    yaml: 'status: {phase: Available}',
    health: 'healthy Available',
  },
  {
    title: 'bound',
    kind: 'v1 PersistentVolume',
    yaml: 'status: {phase: Bound}',
    health: 'healthy Bound',
    as: 'both',
  },
  {
    title: 'released and kept',
    kind: 'v1 PersistentVolume',
    yaml: 'status: {phase: Released}',
    health: 'healthy Released',
  },
  {
    title: 'not reclaimed',
    kind: 'v1 PersistentVolume',
    yaml: 'status: {phase: Failed, reason: VolumeFailedDelete, message: still attached}',
    health: 'degraded VolumeFailedDelete',
    says: 'still attached',
  },
  { title: 'no status', kind: 'v1 PersistentVolume', yaml: '', health: 'progressing Pending' },
]);

const SNAPSHOT = 'snapshot.storage.k8s.io/v1 VolumeSnapshot';
judgeTable('VolumeSnapshot', [
  { title: 'no status', kind: SNAPSHOT, yaml: '', health: 'progressing NotReadyToUse', as: 'Argo CD' },
  {
    title: 'ready',
    kind: SNAPSHOT,
    yaml: 'status: {readyToUse: true}',
    health: 'healthy ReadyToUse',
    as: 'both',
  },
  {
    title: 'failed',
    kind: SNAPSHOT,
    yaml: 'status: {readyToUse: false, error: {message: no such driver}}',
    health: 'degraded SnapshotFailed',
    says: 'no such driver',
    as: 'Argo CD',
  },
]);

judgeTable('Service', [
  { title: 'without a type', kind: 'v1 Service', yaml: '', health: 'healthy ClusterIP', as: 'both' },
  {
    title: 'NodePort',
    kind: 'v1 Service',
    yaml: 'spec: {type: NodePort}',
    health: 'healthy NodePort',
    as: 'both',
  },
  {
    title: 'ExternalName',
    kind: 'v1 Service',
    yaml: 'spec: {type: ExternalName}',
    health: 'healthy ExternalName',
    as: 'both',
  },
  {
    title: 'load balancer with an address',
    kind: 'v1 Service',
    yaml: 'spec: {type: LoadBalancer, clusterIP: 1.2.3.4}\nstatus: {loadBalancer: {ingress: [{ip: 203.0.113.7}, {hostname: lb.example.com}]}}',
    health: 'healthy LoadBalancer',
    says: 'reached at 203.0.113.7, lb.example.com',
    as: 'both',
  },
  {
    title: 'load balancer without an address',
    kind: 'v1 Service',
    yaml: 'spec: {type: LoadBalancer, clusterIP: 1.2.3.4}\nstatus: {loadBalancer: {}}',
    health: 'progressing NoAddress',
    as: 'Argo CD; current in kstatus once it has a cluster IP',
  },
  {
    title: 'load balancer without a cluster IP',
    kind: 'v1 Service',
    yaml: 'spec: {type: LoadBalancer}',
    health: 'progressing NoAddress',
    as: 'both',
  },
]);

judgeTable('Ingress', [
  {
    title: 'with an address',
    kind: 'networking.k8s.io/v1 Ingress',
    yaml: 'status: {loadBalancer: {ingress: [{hostname: lb.example.com}]}}',
    health: 'healthy HasAddress',
    says: 'reached at lb.example.com',
    as: 'both',
  },
  {
    title: 'with an entry that says nothing',
    kind: 'networking.k8s.io/v1 Ingress',
    yaml: 'status: {loadBalancer: {ingress: [{}]}}',
    health: 'healthy HasAddress',
    as: 'Argo CD',
  },
  {
    title: 'without an address',
    kind: 'networking.k8s.io/v1 Ingress',
    yaml: 'spec: {ingressClassName: nginx}\nstatus: {loadBalancer: {}}',
    health: 'progressing NoAddress',
    says: 'the controller of IngressClass nginx has published no address for it',
    as: 'Argo CD; current in kstatus',
  },
  {
    title: 'no status, of the older group',
    kind: 'extensions/v1beta1 Ingress',
    yaml: '',
    health: 'progressing NoAddress',
    as: 'Argo CD',
  },
]);

judgeTable('PodDisruptionBudget', [
  {
    title: 'observedGeneration behind',
    kind: 'policy/v1beta1 PodDisruptionBudget',
    yaml: 'metadata: {name: test, generation: 2}\nstatus: {observedGeneration: 1}',
    health: 'progressing GenerationNotObserved',
    as: 'kstatus',
  },
  {
    title: 'observed, without conditions',
    kind: 'policy/v1beta1 PodDisruptionBudget',
    yaml: 'status: {observedGeneration: 1, disruptionsAllowed: 1}',
    health: 'healthy Observed',
    says: '1 disruption allowed',
    as: 'kstatus; waiting in Argo CD',
  },
  {
    title: 'no status',
    kind: 'policy/v1 PodDisruptionBudget',
    yaml: '',
    health: 'progressing NotObserved',
    as: 'Argo CD; current in kstatus',
  },
  {
    title: 'enough Pods',
    kind: 'policy/v1 PodDisruptionBudget',
    yaml: 'status: {observedGeneration: 1, disruptionsAllowed: 2, conditions: [{type: DisruptionAllowed, status: "True", reason: SufficientPods}]}',
    health: 'healthy SufficientPods',
    says: '2 disruptions allowed',
    as: 'both',
  },
  {
    title: 'too few Pods',
    kind: 'policy/v1 PodDisruptionBudget',
    yaml: 'status: {observedGeneration: 1, conditions: [{type: DisruptionAllowed, status: "False", reason: InsufficientPods}]}',
    health: 'healthy InsufficientPods',
    as: 'both',
  },
  {
    title: 'cannot be computed',
    kind: 'policy/v1 PodDisruptionBudget',
    yaml: 'status: {observedGeneration: 1, conditions: [{type: DisruptionAllowed, status: "False", reason: SyncFailed, message: found no controllers}]}',
    health: 'degraded SyncFailed',
    says: 'found no controllers',
    as: 'Argo CD; current in kstatus',
  },
]);

const HPA = 'autoscaling/v2 HorizontalPodAutoscaler';
const ABLE =
  '{type: AbleToScale, status: "True", reason: ReadyForNewScale, message: recommended size matches current size}';
judgeTable('HorizontalPodAutoscaler', [
  {
    title: 'no status',
    kind: HPA,
    yaml: '',
    health: 'progressing WaitingToScale',
    as: 'Argo CD; unknown in kstatus',
  },
  {
    title: 'able to scale',
    kind: HPA,
    yaml: `status: {currentReplicas: 2, conditions: [${ABLE}, {type: ScalingActive, status: "True", reason: ValidMetricFound}, {type: ScalingLimited, status: "False", reason: DesiredWithinRange}]}`,
    health: 'healthy ReadyForNewScale',
    says: '2 replicas: recommended size matches current size',
    as: 'both',
  },
  {
    title: 'at its limit',
    kind: HPA,
    yaml: `status: {currentReplicas: 10, conditions: [${ABLE}, {type: ScalingActive, status: "True"}, {type: ScalingLimited, status: "True", reason: TooManyReplicas, message: the desired replica count is more than the maximum replica count}]}`,
    health: 'healthy TooManyReplicas',
    as: 'Argo CD; failed in kstatus',
  },
  {
    title: 'no such target',
    kind: HPA,
    yaml: 'status: {conditions: [{type: AbleToScale, status: "False", reason: FailedGetScale, message: not found}]}',
    health: 'degraded FailedGetScale',
    as: 'Argo CD',
  },
  {
    title: 'a metric that cannot be read, told after AbleToScale',
    kind: HPA,
    yaml: `status: {conditions: [${ABLE}, {type: ScalingActive, status: "False", reason: FailedGetExternalMetric, message: no metrics returned}]}`,
    health: 'degraded FailedGetExternalMetric',
    says: 'no metrics returned',
    as: 'Argo CD',
  },
  {
    title: 'target scaled to 0',
    kind: HPA,
    yaml: `status: {currentReplicas: 0, conditions: [${ABLE}, {type: ScalingActive, status: "False", reason: ScalingDisabled, message: scaling is disabled since the replica count of the target is zero}]}`,
    health: 'healthy ReadyForNewScale',
    as: 'Argo CD',
  },
  {
    title: 'v1 without the annotation',
    kind: 'autoscaling/v1 HorizontalPodAutoscaler',
    yaml: 'status: {currentReplicas: 1}',
    health: 'progressing WaitingToScale',
    as: 'Argo CD',
  },
  {
    title: 'v1, degraded by the annotation',
    kind: 'autoscaling/v1 HorizontalPodAutoscaler',
    yaml: `metadata:\n  name: test\n  annotations:\n    autoscaling.alpha.kubernetes.io/conditions: '[{"type":"AbleToScale","status":"True"},{"type":"ScalingActive","status":"False","reason":"FailedGetResourceMetric","message":"no metrics"}]'`,
    health: 'degraded FailedGetResourceMetric',
    as: 'Argo CD',
  },
  {
    title: 'v1, healthy by the annotation',
    kind: 'autoscaling/v1 HorizontalPodAutoscaler',
    yaml: `metadata:\n  name: test\n  annotations:\n    autoscaling.alpha.kubernetes.io/conditions: '[{"type":"AbleToScale","status":"True","reason":"SucceededGetScale","message":"ok"}]'`,
    health: 'healthy SucceededGetScale',
    as: 'Argo CD',
  },
  {
    title: 'v1 with an annotation that is no JSON',
    kind: 'autoscaling/v1 HorizontalPodAutoscaler',
    yaml: 'metadata:\n  name: test\n  annotations:\n    autoscaling.alpha.kubernetes.io/conditions: "[{"',
    health: 'progressing WaitingToScale',
  },
  {
    title: 'v2beta2',
    kind: 'autoscaling/v2beta2 HorizontalPodAutoscaler',
    yaml: `status: {conditions: [${ABLE}]}`,
    health: 'healthy ReadyForNewScale',
    as: 'both',
  },
  {
    title: 'v2beta1 whose metric cannot be computed',
    kind: 'autoscaling/v2beta1 HorizontalPodAutoscaler',
    yaml: 'status: {conditions: [{type: ScalingActive, status: "False", reason: FailedComputeMetricsReplicas, message: x}]}',
    health: 'degraded FailedComputeMetricsReplicas',
    as: 'Argo CD',
  },
]);

const CRD = 'apiextensions.k8s.io/v1 CustomResourceDefinition';
const ACCEPTED = '{type: NamesAccepted, status: "True", reason: NoConflicts}';
const ESTABLISHED = '{type: Established, status: "True", reason: InitialNamesAccepted}';
judgeTable('CustomResourceDefinition', [
  {
    title: 'without conditions or a name',
    kind: CRD,
    yaml: 'metadata: {generation: 1}',
    health: 'progressing Installing',
    as: 'both',
  },
  {
    title: 'installing',
    kind: CRD,
    yaml: `status: {conditions: [${ACCEPTED}, {type: Established, status: "False", reason: Installing}]}`,
    health: 'progressing Installing',
    as: 'kstatus; degraded in Argo CD',
  },
  {
    title: 'established',
    kind: CRD,
    yaml: `status: {conditions: [${ACCEPTED}, ${ESTABLISHED}]}`,
    health: 'healthy Established',
    as: 'both',
  },
  {
    title: 'names not accepted',
    kind: CRD,
    yaml: 'status: {conditions: [{type: NamesAccepted, status: "False", reason: ListKindConflict, message: "\\"WidgetList\\" is already in use"}]}',
    health: 'degraded ListKindConflict !',
    says: '"WidgetList" is already in use',
    as: 'both',
  },
  {
    title: 'not established for another reason',
    kind: CRD,
    yaml: `status: {conditions: [${ACCEPTED}, {type: Established, status: "False", reason: NotAccepted}]}`,
    health: 'degraded NotAccepted !',
    as: 'both',
  },
  {
    title: 'schema not structural',
    kind: CRD,
    yaml: `status: {conditions: [${ACCEPTED}, ${ESTABLISHED}, {type: NonStructuralSchema, status: "True", reason: Violations, message: "spec.versions[0]: Required value"}]}`,
    health: 'degraded Violations !',
    as: 'Argo CD; current in kstatus',
  },
  {
    title: 'terminating by condition',
    kind: CRD,
    yaml: `status: {conditions: [${ESTABLISHED}, {type: Terminating, status: "True", reason: InstanceDeletionInProgress}]}`,
    health: 'progressing Terminating',
    as: 'Argo CD',
  },
]);

const API = 'apiregistration.k8s.io/v1 APIService';
judgeTable('APIService', [
  { title: 'no status', kind: API, yaml: '', health: 'progressing NotChecked', as: 'Argo CD' },
  {
    title: 'local',
    kind: API,
    yaml: 'status: {conditions: [{type: Available, status: "True", reason: Local, message: Local APIServices are always available}]}',
    health: 'healthy Local',
    as: 'both',
  },
  {
    title: 'without a backend',
    kind: API,
    yaml: 'status: {conditions: [{type: Available, status: "False", reason: MissingEndpoints, message: endpoints for service/prometheus-adapter in "monitoring" have no addresses with port name "https"}]}',
    health: 'progressing MissingEndpoints',
    says: /prometheus-adapter/,
    as: 'Argo CD; kstatus has no rule and calls it current',
  },
  {
    title: 'with a backend that does not answer, v1beta1',
    kind: 'apiregistration.k8s.io/v1beta1 APIService',
    yaml: 'status: {conditions: [{type: Available, status: "False", reason: FailedDiscoveryCheck, message: no answer}]}',
    health: 'progressing FailedDiscoveryCheck',
    as: 'Argo CD',
  },
]);

judgeTable('Namespace, Node and stateless kinds', [
  {
    title: 'active Namespace',
    kind: 'v1 Namespace',
    yaml: 'status: {phase: Active}',
    health: 'healthy NoConditions',
    as: 'both',
  },
  {
    title: 'stuck Namespace',
    kind: 'v1 Namespace',
    yaml: 'metadata: {name: test, deletionTimestamp: "2026-03-01T11:00:00Z"}\nspec: {finalizers: [kubernetes]}\nstatus: {phase: Terminating, conditions: [{type: NamespaceDeletionDiscoveryFailure, status: "True", reason: DiscoveryFailed, message: "Discovery failed for some groups: metrics.k8s.io/v1beta1"}, {type: NamespaceContentRemaining, status: "False", message: all gone}]}',
    health: 'progressing Terminating',
    says: 'Discovery failed for some groups: metrics.k8s.io/v1beta1',
    as: 'both',
  },
  {
    title: 'ready Node',
    kind: 'v1 Node',
    yaml: 'status: {conditions: [{type: MemoryPressure, status: "False"}, {type: Ready, status: "True", reason: KubeletReady, message: kubelet is posting ready status}]}',
    health: 'healthy KubeletReady',
    as: 'both',
  },
  {
    title: 'silent Node',
    kind: 'v1 Node',
    yaml: 'status: {conditions: [{type: Ready, status: Unknown, reason: NodeStatusUnknown, message: Kubelet stopped posting node status.}]}',
    health: 'degraded NodeStatusUnknown',
    as: 'in progress by kstatus',
  },
  {
    title: 'ConfigMap',
    kind: 'v1 ConfigMap',
    yaml: 'data: {status: bad}',
    health: 'healthy NoStatus',
    as: 'both',
  },
  { title: 'Secret', kind: 'v1 Secret', yaml: 'data: {a: Yg==}', health: 'healthy NoStatus', as: 'both' },
  {
    title: 'ClusterRole',
    kind: 'rbac.authorization.k8s.io/v1 ClusterRole',
    yaml: 'rules: []',
    health: 'healthy NoStatus',
    as: 'both',
  },
  {
    title: 'webhook configuration',
    kind: 'admissionregistration.k8s.io/v1 MutatingWebhookConfiguration',
    yaml: 'webhooks: []',
    health: 'healthy NoStatus',
    as: 'both',
  },
  {
    title: 'ResourceQuota',
    kind: 'v1 ResourceQuota',
    yaml: 'status: {hard: {pods: "2"}, used: {pods: "2"}}',
    health: 'healthy NoConditions',
    as: 'both',
  },
  {
    title: 'failed CertificateSigningRequest',
    kind: 'certificates.k8s.io/v1 CertificateSigningRequest',
    yaml: 'status: {conditions: [{type: Approved, status: "True"}, {type: Failed, status: "True", reason: SignerError, message: no}]}',
    health: 'degraded SignerError',
  },
]);
