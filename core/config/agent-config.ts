import { YAMLMap } from 'yaml';
import type { AgentConfig, ManifestEntry, ManifestRepository } from '../model/agent-config.ts';
import { hasWildcard } from '../model/glob.ts';
import type { JsonObject } from '../model/json.ts';
import type { Problem } from '../model/problem.ts';
import { checkDependencies } from './depends-on.ts';
import { ConfigDocument, decodeConfig } from './document.ts';
import { defaultEntryName } from './entry-name.ts';
import { CONFIGURATION_FILE, type FileValues, FOREIGN_SECTIONS, type ProjectValues } from './fields.ts';
import { isNull } from './scalar.ts';
import type { Item } from './types.ts';

/** GitLab's own limit for the file. */
const MAX_BYTES = 128 * 1024;

/** What the file itself does not say. */
export interface ConfigContext {
  /** For problems. */
  file: string;
  /** The full path of the project that holds the file. */
  configProject: string;
  /** Where this GitLab is, such as `https://gitlab.example.com`. */
  gitlabUrl: string;
  /** 128 KiB where not said. */
  maxBytes?: number;
}

export interface ReadConfig {
  /** Absent where there are problems. */
  config?: AgentConfig;
  /** All that is wrong, in the order of the file. */
  problems: Problem[];
  /** Sentences about what is left alone. */
  notices: string[];
  /** The file as it would say all that it leaves to the defaults. Absent where there are problems. */
  effective?: JsonObject;
  /** A problem that only turns out later, at an entry or at a field of it. */
  problemAt(entry: string, field: keyof ProjectValues | undefined, message: string, hint?: string): Problem;
}

/**
 * Reads an agent's config.yaml by the rules of GitLab's agent 13.4 to 16.x, and with the fields that are new here.
 * Undefined bytes are a file that is not there: an empty configuration, as since 14.8. Never throws.
 */
export function parseAgentConfig(bytes: Uint8Array | undefined, context: ConfigContext): ReadConfig {
  const { file, maxBytes = MAX_BYTES } = context;
  const decoded = bytes ? decodeConfig(bytes, file, maxBytes) : { text: '' };
  const document = new ConfigDocument('text' in decoded ? decoded.text : '', file);
  if (!('text' in decoded)) document.problems.push(decoded);
  const values = document.read((root) =>
    // A document without anything in it says the same as an empty map.
    CONFIGURATION_FILE.read(isNull(root) ? EMPTY : root, 'the configuration', document),
  );
  const builder = new ConfigBuilder(document, context);
  const config = values && builder.build(values);
  const problems = document.problems.sort(byPlace);
  const problemAt: ReadConfig['problemAt'] = (entry, field, message, hint) =>
    document.problemAt(builder.placeOf(entry, field), message, hint);
  const notices = bytes ? noticesOf(values, file) : [`there is no ${file}: the agent has nothing to apply`];
  if (!config || problems.length > 0) return { problems, notices, problemAt };
  return { config, problems, notices, effective: builder.effective(values), problemAt };
}

const EMPTY = new YAMLMap();

/** From the fields of the file to entries, with what only shows when several fields are looked at. */
class ConfigBuilder {
  private readonly document: ConfigDocument;
  private readonly context: ConfigContext;
  private readonly entries = new Map<string, Item<ProjectValues>>();

  constructor(document: ConfigDocument, context: ConfigContext) {
    this.document = document;
    this.context = { ...context, gitlabUrl: context.gitlabUrl.replace(/\/+$/, '') };
  }

  build({ gitops, observability }: FileValues): AgentConfig {
    const entries = gitops.value.manifest_projects.value.flatMap((item) => this.entry(item) ?? []);
    for (const { entry, index, message, hint } of checkDependencies(entries)) {
      const { depends_on } = this.entries.get(entry)!.value;
      this.document.report(depends_on.value[index]!.at, message, hint);
    }
    const { level, grpc_level } = observability.value.logging.value;
    return { entries, logging: { level: level.value, grpcLevel: grpc_level.value } };
  }

  placeOf(entry: string, field: keyof ProjectValues | undefined): number {
    const item = this.entries.get(entry);
    return (field && item?.value[field]?.at) ?? item?.at ?? 0;
  }

  effective(values: FileValues): JsonObject {
    for (const [name, { value, at }] of this.entries) {
      value.name = { value: name, at };
      if (!value.url) value.id ??= { value: this.context.configProject, at };
    }
    return CONFIGURATION_FILE.write(values) as JsonObject;
  }

  /** Undefined where there is an entry of that name already. */
  private entry(item: Item<ProjectValues>): ManifestEntry | undefined {
    const { value: values, at } = item;
    const repository = this.repository(values);
    const name = values.name?.value ?? defaultEntryName(repository);
    const first = this.entries.get(name);
    if (first) {
      const { line, column } = this.document.position(first.at);
      this.document.report(
        (values.name ?? values.id ?? values.url)?.at ?? at,
        `this entry and the one at ${line}:${column} are both called ${name}`,
        'give each a name of its own',
      );
      return undefined;
    }
    this.entries.set(name, item);
    const { ref, prune_limit, environment } = values;
    return {
      name,
      repository,
      ...(ref && { ref: ref.value }),
      paths: this.paths(values),
      kustomize: values.kustomize.value,
      defaultNamespace: values.default_namespace.value,
      reconcileTimeoutMs: values.reconcile_timeout.value,
      dryRunStrategy: values.dry_run_strategy.value,
      prune: values.prune.value,
      pruneTimeoutMs: values.prune_timeout.value,
      prunePropagationPolicy: values.prune_propagation_policy.value,
      ...(prune_limit && { pruneLimit: prune_limit.value }),
      pruneKinds: values.prune_kinds.value.map(({ value }) => value.toLowerCase()),
      inventoryPolicy: values.inventory_policy.value,
      resourceInclusions: resourceRules(values.resource_inclusions),
      resourceExclusions: resourceRules(values.resource_exclusions),
      conflicts: values.conflicts.value,
      ignore: values.ignore.value.map(({ value }) => value),
      intervalMs: values.interval.value,
      suspend: values.suspend.value,
      dependsOn: values.depends_on.value.map(({ value }) => value),
      onRemoval: values.on_removal.value,
      ...(environment && { environment: environment.value }),
    };
  }

  private repository({ id, url }: ProjectValues): ManifestRepository {
    const { gitlabUrl, configProject } = this.context;
    if (url) {
      if (id) this.document.report(url.at, 'id and url exclude each other', 'leave one of them');
      const own = `${gitlabUrl}/`.toLowerCase();
      if (url.value.toLowerCase().startsWith(own)) {
        const path = url.value.slice(own.length).replace(/\.git$/, '');
        this.document.report(url.at, 'url is for repositories outside this GitLab', `write id: ${path}`);
      } else if (/^http:/i.test(url.value) && !/^http:/i.test(gitlabUrl))
        this.document.report(url.at, 'url would send credentials unencrypted', 'write https://');
      return { url: url.value };
    }
    const project = id?.value ?? configProject;
    if (/^\d+$/.test(project)) return { projectId: Number(project) };
    return { project, url: `${gitlabUrl}/${project}.git` };
  }

  private paths({ paths, kustomize }: ProjectValues): string[] {
    return (paths?.value ?? []).map(({ value: { glob } }) => {
      if (kustomize.value && hasWildcard(glob.value))
        this.document.report(glob.at, 'with kustomize: true a path is a directory, without wildcards');
      return glob.value.replace(/^\//, '');
    });
  }
}

function resourceRules({ value }: ProjectValues['resource_exclusions']): ManifestEntry['resourceExclusions'] {
  return value.map(({ value: { api_groups, kinds } }) => ({
    apiGroups: api_groups.value.map((item) => item.value),
    kinds: kinds.value.map((item) => item.value),
  }));
}

function noticesOf(values: FileValues | undefined, file: string): string[] {
  const sections: string[] = FOREIGN_SECTIONS.filter((section) => values?.[section]);
  if (values?.observability.value.google_profiler) sections.push('observability.google_profiler');
  if (sections.length === 0) return [];
  return [`${file}: left alone, for it belongs to GitLab's own agent: ${sections.join(', ')}`];
}

function byPlace(a: Problem, b: Problem): number {
  return (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0);
}
