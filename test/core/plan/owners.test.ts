import test from 'ava';
import type { KubeObject } from '../../../core/model/object.ts';
import { ownersOf } from '../../../core/plan/owners.ts';

const object = (managedFields: object[]): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'web', managedFields: managedFields as never },
});

test('owners are told with their fields, whoever has most of them first', (t) => {
  const owners = ownersOf(
    object([
      {
        manager: 'scaler',
        operation: 'Update',
        subresource: 'scale',
        fieldsV1: { 'f:spec': { 'f:replicas': {} } },
      },
      {
        manager: 'gitlab-agent',
        operation: 'Apply',
        time: '2026-01-01T00:00:00Z',
        fieldsV1: {
          'f:metadata': { 'f:labels': { 'f:app.kubernetes.io/name': {} } },
          'f:spec': {
            'f:ports': {
              'k:{"port":80,"protocol":"TCP"}': { '.': {}, 'f:port': {}, 'f:name': {} },
              'k:{"port":443,"protocol":"TCP"}': { '.': {}, 'f:port': {} },
            },
            'f:template': {
              'f:spec': { 'f:containers': { 'k:{"name":"a"}': { 'f:image': {} } }, 'f:x': {} },
            },
          },
        },
      },
    ]),
  );
  t.deepEqual(owners, [
    {
      manager: 'gitlab-agent',
      operation: 'Apply',
      time: '2026-01-01T00:00:00Z',
      count: 6,
      fields: [
        { path: 'spec.ports[port=80,protocol="TCP"]', count: 2 },
        { path: 'spec.template.spec', count: 2 },
        { path: 'metadata.labels["app.kubernetes.io/name"]', count: 1 },
        { path: 'spec.ports[port=443,protocol="TCP"].port', count: 1 },
      ],
    },
    {
      manager: 'scaler',
      operation: 'Update',
      subresource: 'scale',
      count: 1,
      fields: [{ path: 'spec.replicas', count: 1 }],
    },
  ]);
});

test('objects without owners, and entries without anything, are no trouble', (t) => {
  t.deepEqual(ownersOf(object([])), []);
  t.deepEqual(ownersOf(object([{}])), [{ manager: 'unknown', operation: 'Update', count: 0, fields: [] }]);
});
