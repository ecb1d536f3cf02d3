import test from 'ava';
import { missingRight } from '../../../core/model/missing-right.ts';

const CASES: [message: string, right: string | undefined][] = [
  [
    'secrets "a" is forbidden: User "ann" cannot get resource "secrets" in API group "" in the namespace "shop"',
    'it needs the right to get secrets in the namespace shop',
  ],
  [
    'deployments.apps is forbidden: User "ann" cannot list resource "deployments" in API group "apps" at the cluster scope',
    'it needs the right to list deployments.apps',
  ],
  ['forbidden: User "ann" cannot get path "/metrics"', 'it needs the right to get /metrics'],
  ['admission webhook "policy.example.com" denied the request: not on Fridays', undefined],
];
for (const [message, right] of CASES) {
  test(`the right that is missing: ${message}`, (t) => {
    t.is(missingRight({ status: 403, message }), right);
    t.is(missingRight({ status: 500, message }), undefined);
  });
}
