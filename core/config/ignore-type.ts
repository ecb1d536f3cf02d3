import type { IgnoreRule } from '../model/ignore.ts';
import { formatPath, parsePath } from '../model/path.ts';
import { map, refine } from './map.ts';
import { quoted } from './scalar.ts';
import { list, type TextFault, type Type, text } from './types.ts';

const SELECTOR = { type: text() };

/** A rule of `ignore`, the same in `config.yaml` and in the file of `--ignore-file`. */
export const IGNORE_RULE: Type<IgnoreRule> = refine(
  map({
    group: { ...SELECTOR, doc: 'API group of the objects; `*` stands for anything, as in all selectors.' },
    kind: { ...SELECTOR, doc: 'Kind of the objects.', example: 'Deployment' },
    namespace: { ...SELECTOR, doc: 'Namespace of the objects.' },
    name: { ...SELECTOR, doc: 'Name of the objects.', example: 'web-*' },
    paths: {
      type: list(text({ check: checkPath, words: 'paths' })),
      doc: 'Fields that are left to others: paths with list keys, or JSON pointers.',
      example: '[spec.replicas, /metadata/annotations/example.com~1note]',
    },
    managers: {
      type: list(text({ words: 'names' })),
      doc: 'Field managers; all that they own in the objects is left to them.',
      example: '[vpa-updater]',
    },
  }),
  {
    schema: { anyOf: [{ required: ['paths'] }, { required: ['managers'] }] },
    read: ({ paths, managers, ...selectors }, report, name) => {
      if (!paths?.value.length && !managers?.value.length) {
        const hint = 'a rule has kind, group, namespace, name, and paths or managers';
        return report(`${name} names no paths and no managers`, hint);
      }
      const rule: IgnoreRule = {
        paths: paths?.value.map(({ value }) => parsePath(value)) ?? [],
        managers: managers?.value.map(({ value }) => value) ?? [],
      };
      for (const key of ['group', 'kind', 'namespace', 'name'] as const)
        if (selectors[key]) rule[key] = selectors[key].value;
      return rule;
    },
    write: ({ paths, managers, ...selectors }) => {
      const item = <T>(value: T) => ({ value, at: 0 });
      const [group, kind, namespace, name] = (['group', 'kind', 'namespace', 'name'] as const).map((key) =>
        selectors[key] === undefined ? undefined : item(selectors[key]),
      );
      return {
        group,
        kind,
        namespace,
        name,
        paths: paths.length > 0 ? item(paths.map((path) => item(formatPath(path)))) : undefined,
        managers: managers.length > 0 ? item(managers.map(item)) : undefined,
      };
    },
  },
);

function checkPath(path: string): TextFault | undefined {
  try {
    parsePath(path);
    return undefined;
  } catch (error) {
    return {
      message: `is the path ${quoted(path)}, which can't be read: ${(error as Error).message}`,
      hint: 'write spec.replicas, or /spec/replicas',
    };
  }
}
