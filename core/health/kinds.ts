import type { Health } from '../model/health.ts';
import type { KubeObject } from '../model/object.ts';
import { apiService, customResourceDefinition } from './apis.ts';
import { application, applicationSet, rollout, run } from './argo.ts';
import { endingNamespace, node } from './cluster.ts';
import * as delivery from './delivery.ts';
import { groupOf } from './fields.ts';
import { byReady, terminating } from './generic.ts';
import { cronJob, job } from './jobs.ts';
import { ingress, service } from './networking.ts';
import * as platform from './platform.ts';
import { pod } from './pod.ts';
import { disruptionBudget, horizontalPodAutoscaler } from './policy.ts';
import { claim, volume, volumeSnapshot } from './storage.ts';
import { daemonSet, deployment, replicaSet, statefulSet } from './workloads.ts';

/** Judges an object whose newest spec its controller has seen. */
export type Judge = (object: KubeObject, now: Date) => Health;

const JUDGES = new Map<string, Judge>([
  ['/Node', node],
  ['/PersistentVolume', volume],
  ['/PersistentVolumeClaim', claim],
  ['/Pod', pod],
  ['/ReplicationController', replicaSet],
  ['/Service', service],
  ['apiextensions.k8s.io/CustomResourceDefinition', customResourceDefinition],
  ['apiregistration.k8s.io/APIService', apiService],
  ['apps/DaemonSet', daemonSet],
  ['apps/Deployment', deployment],
  ['apps/ReplicaSet', replicaSet],
  ['apps/StatefulSet', statefulSet],
  ['autoscaling/HorizontalPodAutoscaler', horizontalPodAutoscaler],
  ['batch/CronJob', cronJob],
  ['batch/Job', job],
  ['extensions/DaemonSet', daemonSet],
  ['extensions/Deployment', deployment],
  ['extensions/Ingress', ingress],
  ['extensions/ReplicaSet', replicaSet],
  ['networking.k8s.io/Ingress', ingress],
  ['policy/PodDisruptionBudget', disruptionBudget],
  ['snapshot.storage.k8s.io/VolumeSnapshot', volumeSnapshot],

  ['acme.cert-manager.io/Challenge', delivery.acme],
  ['acme.cert-manager.io/Order', delivery.acme],
  ['argoproj.io/AnalysisRun', run],
  ['argoproj.io/Application', application],
  ['argoproj.io/ApplicationSet', applicationSet],
  ['argoproj.io/Rollout', rollout],
  ['argoproj.io/Workflow', run],
  ['bitnami.com/SealedSecret', delivery.sealedSecret],
  ['cert-manager.io/Certificate', delivery.certificate],
  ['cert-manager.io/CertificateRequest', delivery.certificateRequest],
  ['cert-manager.io/ClusterIssuer', byReady],
  ['cert-manager.io/Issuer', byReady],
  ['cluster.x-k8s.io/Cluster', platform.clusterApi],
  ['cluster.x-k8s.io/Machine', platform.clusterApi],
  ['elasticsearch.k8s.elastic.co/Elasticsearch', platform.elasticsearch],
  ['external-secrets.io/ClusterSecretStore', byReady],
  ['external-secrets.io/ExternalSecret', byReady],
  ['external-secrets.io/PushSecret', byReady],
  ['external-secrets.io/SecretStore', byReady],
  ['gateway.networking.k8s.io/GRPCRoute', platform.route],
  ['gateway.networking.k8s.io/Gateway', platform.gateway],
  ['gateway.networking.k8s.io/GatewayClass', platform.gatewayClass],
  ['gateway.networking.k8s.io/HTTPRoute', platform.route],
  ['gateway.networking.k8s.io/TCPRoute', platform.route],
  ['gateway.networking.k8s.io/TLSRoute', platform.route],
  ['gateway.networking.k8s.io/UDPRoute', platform.route],
  ['kafka.strimzi.io/*', delivery.strimzi],
  ['keda.sh/ScaledJob', delivery.scaled],
  ['keda.sh/ScaledObject', delivery.scaled],
  ['monitoring.coreos.com/Alertmanager', delivery.prometheus],
  ['monitoring.coreos.com/Prometheus', delivery.prometheus],
  ['monitoring.coreos.com/PrometheusAgent', delivery.prometheus],
  ['monitoring.coreos.com/ThanosRuler', delivery.prometheus],
  ['rabbitmq.com/RabbitmqCluster', platform.rabbitmq],
  ['serving.knative.dev/*', byReady],
  ['velero.io/Backup', platform.velero],
  ['velero.io/BackupStorageLocation', platform.velero],
  ['velero.io/Restore', platform.velero],
  ['velero.io/Schedule', platform.velero],

  ['helm.toolkit.fluxcd.io/*', byReady],
  ['image.toolkit.fluxcd.io/*', delivery.fluxMaybeStatic],
  ['kustomize.toolkit.fluxcd.io/*', byReady],
  ['notification.toolkit.fluxcd.io/*', delivery.fluxMaybeStatic],
  ['source.toolkit.fluxcd.io/*', byReady],
  ['source.toolkit.fluxcd.io/HelmRepository', delivery.fluxMaybeStatic],
]);

/** The rule of a kind, where it has one of its own. */
export function judgeOf(object: KubeObject): Judge | undefined {
  const group = groupOf(object);
  const found = JUDGES.get(`${group}/${object.kind}`) ?? JUDGES.get(`${group}/*`);
  if (found) return found;
  return /(?:^|\.)(?:crossplane|upbound)\.io$/.test(group) ? platform.crossplane : undefined;
}

/** What is on its way out, and what holds it. */
export function judgeEnding(object: KubeObject): Health | undefined {
  const isNamespace = object.kind === 'Namespace' && groupOf(object) === '';
  return isNamespace ? endingNamespace(object) : terminating(object);
}

/**
 * What goes before the question whether the newest spec was seen: Flux's controllers and Cluster API's look at
 * nothing of a suspended object, so its `observedGeneration` stays behind.
 */
export function judgeEarly(object: KubeObject): Health | undefined {
  const group = groupOf(object);
  if (group.endsWith('.fluxcd.io')) return delivery.fluxSuspended(object) ?? delivery.fluxRetry(object);
  return group === 'cluster.x-k8s.io' ? platform.pausedBySpec(object) : undefined;
}
