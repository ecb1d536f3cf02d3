import { readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';
import test from 'ava';
import { parse } from 'yaml';
import { parseAgentConfig } from '../../../core/config/agent-config.ts';
import { CONFIGURATION_FILE } from '../../../core/config/fields.ts';
import type { Fields } from '../../../core/config/types.ts';

const CONTEXT = { file: 'c', configProject: 'ops/clusters', gitlabUrl: 'https://gitlab.example.com' };
const validate = new Ajv2020({ strict: false, validateFormats: false }).compile(
  JSON.parse(readFileSync(new URL('../../../schemas/agent-config.schema.json', import.meta.url), 'utf8')),
);

// By section, a file with one field of it, and with what that field needs beside it.
const entry = (field: string): string => `gitops: {manifest_projects: [{name: platform}, {${field}}]}`;
const resources = (field: string): string =>
  `{${field}, ${field.startsWith('kinds') ? 'api_groups: [apps]' : 'kinds: [Secret]'}}`;
const SECTIONS: Record<string, (field: string) => string> = {
  gitops: (field) => `gitops: {${field}}`,
  manifest_projects: entry,
  ref: (field) => entry(`ref: {${field}}`),
  paths: (field) => entry(`paths: [{${field}}]`),
  ignore: (field) => entry(`ignore: [{${field}${field.startsWith('managers') ? '' : ', managers: [m]'}}]`),
  resource_inclusions: (field) => entry(`resource_inclusions: [${resources(field)}]`),
  resource_exclusions: (field) => entry(`resource_exclusions: [${resources(field)}]`),
};

function examples(section: string, fields: Fields): [title: string, text: string][] {
  return Object.entries(fields).flatMap(([name, { type, example }]): [string, string][] => [
    ...(example
      ? [[`${section}: ${name}: ${example}`, SECTIONS[section]!(`${name}: ${example}`)] as [string, string]]
      : []),
    ...(type.fields ? examples(name, type.fields) : []),
  ]);
}
for (const [title, text] of examples('', CONFIGURATION_FILE.fields!)) {
  test(`the example of the documentation works: ${title}`, (t) => {
    t.deepEqual(parseAgentConfig(Buffer.from(text), CONTEXT).problems, [], text);
    t.true(validate(parse(text)), `${text} ${JSON.stringify(validate.errors)}`);
  });
}

const SCHEMA: [text: string, valid: boolean][] = [
  ['gitops: {manifest_projects: [{id: shop/web}]}', true],
  ['gitops:\n  manifest_projects:\n', true],
  ['gitops: {manifest_projects: [{id: 42, prune_limit: 30, ref: null}]}', true],
  ['ci_access: {projects: []}', true],
  ['gitops: {manifest_projects: [{idd: shop/web}]}', false],
  ['gitops: {manifest_projects: [{ref: {}}]}', false],
  ['gitops: {manifest_projects: [{ref: {branch: a, tag: b}}]}', false],
  ['gitops: {manifest_projects: [{interval: 5}]}', false],
  ['gitops: {manifest_projects: [{conflicts: win}]}', false],
  ['gitops: {manifest_projects: [{paths: [{}]}]}', false],
  ['gitops: {manifest_projects: [{ignore: [{kind: Pod}]}]}', false],
  ['gitops: {charts: []}', false],
  ['gitop: {}', false],
];
for (const [text, valid] of SCHEMA) {
  test(`the schema for editors ${valid ? 'takes' : 'refuses'} ${JSON.stringify(text)}`, (t) => {
    t.is(validate(parse(text)), valid);
    t.is(parseAgentConfig(Buffer.from(text), CONTEXT).problems.length === 0, valid);
  });
}
