/**
 * Writes docs/configuration.md, docs/server-configuration.md and their JSON Schemas from the definitions of the fields.
 * With `--check` it writes nothing and fails where they are not what it would write.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { CONFIGURATION_FILE } from '../core/config/fields.ts';
import { presetOf } from '../core/config/map.ts';
import type { Field, Fields } from '../core/config/types.ts';
import { SERVER_CONFIGURATION_FILE } from '../server/configuration/fields.ts';

const WIDTH = 118;

const INTRO = `# The configuration of an agent

<!-- Written by tools/configuration.ts from core/config/fields.ts: change it there. -->

An agent called \`production\` is configured by \`.gitlab/agents/production/config.yaml\` on the default branch of its
configuration project. The smallest file that does something:

\`\`\`yaml
gitops:
  manifest_projects:
  - id: shop/manifests
\`\`\`

Whatever GitLab's agent 13.4 to 16.x accepted works here, with the same meaning; where a release is named below, that
one of GitLab was the first to have the field. Fields without one are new. A broken file changes nothing: the last
good one stays in force.

\`\`\`console
$ kubectl gitlab-agent config validate .gitlab/agents/production/config.yaml
error: .gitlab/agents/production/config.yaml:4:5: unknown key "prun"
hint: did you mean prune?
\`\`\`

\`config show\` prints a file with all its defaults. Editors that speak YAML complete and check it with
[agent-config.schema.json](../schemas/agent-config.schema.json).

- Unknown keys, keys that are given twice, tags and a second YAML document are mistakes. A key without a value is the
  same as no key. Anchors, aliases and \`<<\` work. As in GitLab, \`defaultNamespace\` says the same as \`default_namespace\`.
- What is text to us but a number or a boolean to kubectl's YAML needs quotes: \`tag: "1.10"\`, \`default_namespace: "on"\`.
- Durations are \`3600s\`, \`90m\`, \`1h30m\`, \`500ms\`. Deadlines of more than 24 days are none.
- The file may have 128 KiB. An empty file, and none, configure nothing.
`;

const SERVER_INTRO = `# The configuration of an agent server

<!-- Written by tools/configuration.ts from server/configuration/fields.ts: change it there. -->

\`gitlab-agent-server --configuration-file=FILE\` reads one YAML file. Names are those of GitLab's agent server where it
has the field. The smallest file that lets agents connect whose tokens \`gitlab-agent-server token create\` has made:

\`\`\`yaml
gitlab:
  address: https://gitlab.example.com
agent:
  registry_file: /etc/gitlab-agent-server/registry/registry.yaml
repositories:
  credentials_dir: /etc/gitlab-agent-server/git
\`\`\`

Beside a self-managed GitLab, \`gitlab.authentication_secret_file\` takes the place of \`agent.registry_file\`: GitLab
itself says then which tokens are good and which projects an agent may read.

- Unknown keys, keys that are given twice, tags and a second YAML document are mistakes, each told with its place. A key
  without a value is the same as no key.
- Durations are \`3600s\`, \`90m\`, \`1h30m\`, \`500ms\`. Sizes are in bytes.
- The file is read when the server starts. What secrets, certificates and the registry say is read again when it changes.
`;

function page(intro: string, fields: Fields): string {
  return `${[intro, ...sections('', fields)].join('\n')}`;
}

/** One section for every map, the outer ones first. */
function sections(path: string, fields: Fields): string[] {
  const items = Object.entries(fields).map(([name, field]) => describe(name, field));
  const inner = Object.entries(fields).flatMap(([name, { type }]) => {
    const list = type.schema.type === 'array' ? '[]' : '';
    return type.fields ? sections(`${path}${path ? '.' : ''}${name}${list}`, type.fields) : [];
  });
  return [`## ${path ? `\`${path}\`` : 'The file'}\n\n${items.join('\n')}\n`, ...inner];
}

function describe(name: string, field: Field<unknown>): string {
  const preset = presetOf(field);
  const facts = [
    field.type.words,
    field.required && 'required',
    preset !== undefined && !(Array.isArray(preset) && preset.length === 0) && `default \`${preset}\``,
    field.since && `GitLab ${field.since}${field.until ? `, removed in ${field.until}` : ''}`,
  ].filter(Boolean);
  const example = field.example ? ` Example: \`${name}: ${field.example}\`` : '';
  return wrap(`- **\`${name}\`** (${facts.join('; ')}): ${field.doc}${example}`);
}

/** Lines of an item of a list, never broken within code. */
function wrap(text: string): string {
  const lines = [''];
  for (const [word] of text.matchAll(/(?:`[^`]*`|[^\s`])+/g)) {
    const line = lines.at(-1)!;
    if (line.length + word.length >= WIDTH) lines.push(`  ${word}`);
    else lines[lines.length - 1] = line === '' ? word : `${line} ${word}`;
  }
  return lines.join('\n');
}

const SCHEMA = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  $id: 'https://agent.gitlab.com/schemas/v1alpha1/agent-config.schema.json',
  title: 'The configuration of an agent',
  description: 'A file .gitlab/agents/<agent name>/config.yaml',
  ...CONFIGURATION_FILE.schema,
};

const SERVER_SCHEMA = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  $id: 'https://agent.gitlab.com/schemas/v1alpha1/server-config.schema.json',
  title: 'The configuration of an agent server',
  description: 'The file of gitlab-agent-server --configuration-file',
  ...SERVER_CONFIGURATION_FILE.schema,
};

const { values } = parseArgs({ options: { check: { type: 'boolean', default: false } } });
const root = dirname(import.meta.dirname);
const files = {
  'docs/configuration.md': page(INTRO, CONFIGURATION_FILE.fields!),
  'schemas/agent-config.schema.json': `${JSON.stringify(SCHEMA, null, 2)}\n`,
  'docs/server-configuration.md': page(SERVER_INTRO, SERVER_CONFIGURATION_FILE.fields!),
  'schemas/server-config.schema.json': `${JSON.stringify(SERVER_SCHEMA, null, 2)}\n`,
};
for (const [file, text] of Object.entries(files)) {
  if (!values.check) writeFileSync(join(root, file), text);
  else if (readFileSync(join(root, file), 'utf8') !== text) {
    process.stderr.write(`${file} is not what the fields say: npm run reference\n`);
    process.exitCode = 1;
  }
}
