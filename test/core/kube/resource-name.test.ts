import test from 'ava';
import { findResource, splitObject } from '../../../core/kube/resource-name.ts';
import type { Resource } from '../../../core/model/cluster.ts';
import { kubectl, sharedCluster } from '../../support/cluster.ts';
import { onCluster } from '../../support/plan.ts';

const named = (resource: Resource | undefined): string | undefined =>
  resource && [resource.plural, resource.version, resource.group].join('.');

test('a kind is found under every name that kubectl knows', async (t) => {
  const discovery = await onCluster(sharedCluster().kubeconfig, (cluster) => cluster.discover());
  const cases: [spelling: string, found: string | undefined][] = [
    ['deploy', 'deployments.v1.apps'],
    ['deployment', 'deployments.v1.apps'],
    ['Deployments', 'deployments.v1.apps'],
    ['deployments.apps', 'deployments.v1.apps'],
    ['deployment.v1.apps', 'deployments.v1.apps'],
    ['cm', 'configmaps.v1.'],
    ['svc', 'services.v1.'],
    ['sa', 'serviceaccounts.v1.'],
    ['ev', 'events.v1.'],
    ['events.events.k8s.io', 'events.v1.events.k8s.io'],
    ['crd', 'customresourcedefinitions.v1.apiextensions.k8s.io'],
    ['hpa', 'horizontalpodautoscalers.v2.autoscaling'],
    ['hpa.v1.autoscaling', 'horizontalpodautoscalers.v1.autoscaling'],
    ['deploy.batch', undefined],
    ['nonsense', undefined],
    ['', undefined],
  ];
  for (const [spelling, found] of cases) t.is(named(findResource(discovery, spelling)), found, spelling);
  const { stdout } = await kubectl(['api-resources', '--no-headers', '--verbs=list,get']);
  for (const line of stdout.trim().split('\n')) {
    const [plural = '', second = ''] = line.split(/\s+/);
    const words = /^[a-z,]+$/.test(second) ? [plural, ...second.split(',')] : [plural];
    for (const word of words) t.is(findResource(discovery, word)?.plural, plural, word);
  }
});

test('an object is named in one word or in two', (t) => {
  t.deepEqual(splitObject(['deploy/web']), { kind: 'deploy', name: 'web' });
  t.deepEqual(splitObject(['deploy', 'web']), { kind: 'deploy', name: 'web' });
  for (const words of [[], ['deploy'], ['a', 'b', 'c'], ['a/b', 'c'], ['a/b/c'], ['/a'], ['a/']])
    t.is(splitObject(words), undefined, words.join(' '));
});
