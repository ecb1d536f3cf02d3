import test from 'ava';
import { judgeHealth } from '../../../core/health/judge.ts';
import { tellStory } from '../../../core/health/story.ts';
import { HEALTH_STATUSES } from '../../../core/model/health.ts';
import type { Json, JsonObject } from '../../../core/model/json.ts';
import type { KubeObject } from '../../../core/model/object.ts';
import { Random } from '../../support/random.ts';
import { NOW } from './table.ts';

// Whatever stands in an object, it is judged: a status is written by controllers that nobody here has read.
const SEED = Number(process.env.TEST_SEED ?? 20260301);
const OBJECTS = process.env.TEST_CHAOS ? 100_000 : 3_000;

const KINDS =
  `v1 Pod, v1 Service, v1 Node, v1 Namespace, v1 PersistentVolume, v1 PersistentVolumeClaim, v1 Event,
apps/v1 Deployment, apps/v1 ReplicaSet, apps/v1 StatefulSet, apps/v1 DaemonSet, batch/v1 Job, batch/v1 CronJob,
networking.k8s.io/v1 Ingress, policy/v1 PodDisruptionBudget, autoscaling/v1 HorizontalPodAutoscaler,
apiextensions.k8s.io/v1 CustomResourceDefinition, apiregistration.k8s.io/v1 APIService, example.com/v1 Widget,
argoproj.io/v1alpha1 Rollout, argoproj.io/v1alpha1 Application, argoproj.io/v1alpha1 Workflow,
cert-manager.io/v1 Certificate, cert-manager.io/v1 CertificateRequest, acme.cert-manager.io/v1 Order,
kustomize.toolkit.fluxcd.io/v1 Kustomization, gateway.networking.k8s.io/v1 Gateway,
gateway.networking.k8s.io/v1 HTTPRoute, keda.sh/v1alpha1 ScaledObject, monitoring.coreos.com/v1 Prometheus,
pkg.crossplane.io/v1 Provider, cluster.x-k8s.io/v1beta1 Machine, velero.io/v1 Backup, kafka.strimzi.io/v1 Kafka,
elasticsearch.k8s.elastic.co/v1 Elasticsearch, snapshot.storage.k8s.io/v1 VolumeSnapshot`
    .split(',')
    .map((kind) => kind.trim());

const KEYS =
  `conditions type status reason message phase replicas readyReplicas updatedReplicas availableReplicas
observedGeneration containerStatuses initContainerStatuses state waiting terminated lastState exitCode name ready
desiredNumberScheduled currentNumberScheduled numberAvailable loadBalancer ingress ip parents parentRef listeners
suspend paused strategy canary blueGreen pauseConditions health active lastScheduleTime lastSuccessfulTime
ownerReferences uid controller annotations finalizers deletionTimestamp generation spec __proto__ toString`.split(
    /\s+/,
  );

const TEXTS =
  `True False Unknown Ready Available Progressing ReplicaFailure PodScheduled Unschedulable Running Failed
Pending CrashLoopBackOff ImagePullBackOff web 2026-03-01T11:00:00Z Stalled Established Degraded green`.split(
    /\s+/,
  );

function anyJson(random: Random, depth: number): Json {
  const choice = random.int(depth > 3 ? 5 : 9);
  if (choice === 0) return null;
  if (choice === 1) return random.int(2) === 1;
  if (choice === 2) return random.int(10) - 3;
  if (choice === 3) return BigInt(random.int(100)) * 10n ** 18n;
  if (choice === 4) return random.pick(TEXTS);
  if (choice === 5) return Array.from({ length: random.int(4) }, () => anyJson(random, depth + 1));
  return anyMap(random, depth);
}

function anyMap(random: Random, depth: number): JsonObject {
  const entries = Array.from({ length: random.int(9) }, (): [string, Json] => {
    const key = random.pick(KEYS);
    return [key, random.chance(0.7) ? likely(random, key, depth) : anyJson(random, depth + 1)];
  });
  return Object.fromEntries(entries);
}

function someConditions(random: Random): JsonObject {
  return random.chance(0.5) ? { conditions: likely(random, 'conditions', 2) } : {};
}

/** A value of the type that a field of this name often has, so that rules get far. */
function likely(random: Random, key: string, depth: number): Json {
  if (key === 'conditions') {
    return Array.from({ length: random.int(4) }, () => ({
      type: random.pick(TEXTS),
      status: random.pick(TEXTS.slice(0, 3)),
      reason: random.pick(TEXTS),
      ...anyMap(random, 4),
    }));
  }
  if (/^(?:type|status|reason|phase|message|health|deletion|lastS)/.test(key) && depth > 1)
    return random.pick(TEXTS);
  if (/eplicas|eneration|Number|exitCode/.test(key)) return random.int(4);
  if (depth > 3) return random.pick(TEXTS);
  return /s$/.test(key) ? [anyMap(random, depth + 1), anyMap(random, depth + 1)] : anyMap(random, depth + 1);
}

test('any object is judged, and has a story', (t) => {
  const random = new Random(SEED);
  const seen = new Set<string>();
  for (let index = 0; index < OBJECTS; index += 1) {
    const [apiVersion, kind] = random.pick(KINDS).split(' ') as [string, string];
    const metadata = { ...(random.chance(0.2) ? anyMap(random, 1) : {}), name: 'web' };
    const object = {
      apiVersion,
      kind,
      metadata,
      spec: anyMap(random, 1),
      status: { ...anyMap(random, 2), ...someConditions(random) },
    } as KubeObject;
    const health = judgeHealth(object, { now: NOW });
    seen.add(health.status);
    if (!HEALTH_STATUSES.includes(health.status) || !/^[A-Za-z][A-Za-z0-9_,:]*$/.test(health.reason)) {
      t.fail(`seed ${SEED}, object ${index}: ${JSON.stringify(health)}`);
    }
    if (tellStory(object, [object], { now: NOW }).lines.length === 0) t.fail(`seed ${SEED}, object ${index}`);
  }
  // The generator is worth something only while it reaches them all.
  for (const status of ['degraded', 'healthy', 'progressing', 'suspended']) t.true(seen.has(status), status);
});
