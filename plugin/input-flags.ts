// Flags of every command that reads manifests, with kubectl's names and meaning where kubectl has them.
export const INPUT_FLAGS = {
  filename: {
    alias: 'f',
    type: 'string',
    array: true,
    nargs: 1,
    describe: 'File, directory, glob, or - for stdin; repeatable',
  },
  kustomize: { alias: 'k', type: 'string', requiresArg: true, describe: 'Kustomization directory to build' },
  recursive: { alias: 'R', type: 'boolean', default: false, describe: 'Descend into the directories of -f' },
} as const;

// Flags that say what an apply may do to others' fields and to whole objects.
export const TERM_FLAGS = {
  conflicts: {
    choices: ['take', 'fail', 'keep'] as const,
    describe:
      "Other managers' fields that differ: take them and say so, fail the object, or leave them (default: take)",
  },
  replace: {
    type: 'boolean',
    default: false,
    describe: 'Delete and create again what has changed in an immutable field',
  },
} as const;

// Flags of every command that compares manifests with a cluster.
export const PLAN_FLAGS = {
  'ignore-file': {
    type: 'string',
    requiresArg: true,
    describe: 'YAML file with rules for fields that are left to others',
  },
  'take-over': {
    type: 'string',
    array: true,
    nargs: 1,
    describe:
      'Field manager, such as helm, argocd-controller, kustomize-controller or agentk, whose fields become ours as those of kubectl apply do, so that unwanted ones go; repeatable',
  },
  'secret-path': {
    type: 'string',
    array: true,
    nargs: 1,
    describe: 'KIND[.GROUP]:PATH whose values are never printed, such as ConfigMap:data.token; repeatable',
  },
  color: {
    choices: ['auto', 'always', 'never'] as const,
    default: 'auto' as const,
    describe: 'Colour the output',
  },
} as const;
