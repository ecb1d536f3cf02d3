// Flags of the commands that keep the objects of a source together as an apply set.
export const SET_FLAGS = {
  applyset: {
    type: 'string',
    requiresArg: true,
    describe: '[NAMESPACE/]NAME of the ConfigMap that is the parent of the apply set (KEP-3659)',
  },
  prune: {
    type: 'boolean',
    default: false,
    describe: 'Delete the members of the set that left the manifests',
  },
  'prune-allow': {
    type: 'string',
    requiresArg: true,
    describe: 'N or P%: delete as many although they are more than half of 20 or more members',
  },
  'prune-kinds': {
    type: 'string',
    requiresArg: true,
    describe:
      'KIND,…: delete also these of Namespace, CustomResourceDefinition, PersistentVolume, PersistentVolumeClaim, StatefulSet',
  },
  'adopt-set': {
    type: 'string',
    array: true,
    nargs: 1,
    describe: 'ID of another set whose members, or whose parent, this one takes over; repeatable',
  },
} as const;

// The flag of the commands that look at a set, in which it may be left out.
export const CHOICE_FLAGS = {
  applyset: {
    type: 'string',
    requiresArg: true,
    describe: '[NAMESPACE/]NAME of the set; where there is only one in the namespace, it may be left out',
  },
} as const;
