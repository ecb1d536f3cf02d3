import { resolve } from 'node:path';
import { type KubeconfigPlaces, kubeconfigPlaces } from '../../core/kube/kubeconfig-place.ts';
import {
  changeKubeconfig,
  type KubeconfigChange,
  type KubeconfigList,
} from '../../core/kube/kubeconfig-text.ts';
import { writeKubeconfig } from '../../core/kube/kubeconfig-write.ts';
import { readAuthorities } from '../../core/kube/tls-material.ts';
import { isDnsLabel } from '../../core/model/dns-label.ts';
import { ProblemError } from '../../core/model/problem.ts';
import { confirm } from '../ask.ts';
import type { KubeconfigFlags } from '../commands/kubeconfig.ts';
import { gitlabAddress, tokenAt } from '../gitlab/access.ts';
import type { Io } from '../io.ts';
import { Tokens } from '../read-token.ts';
import { type ContextEntries, type ContextFacts, contextEntries, isOfAgent } from './context-entries.ts';
import { tokenHint } from './run-credential.ts';
import { reachAgent } from './server-address.ts';

const LISTS = ['clusters', 'users', 'contexts'] as const satisfies KubeconfigList[];

/** Runs `kubeconfig` and returns its exit code. Throws ProblemError for what a person has to mend. */
export async function runKubeconfig(flags: KubeconfigFlags, io: Io): Promise<number> {
  const facts = await factsOf(flags, io);
  const entries = contextEntries(facts);
  const token = await tokenAt(facts.gitlabUrl, facts.tokenFile, new Tokens(io), io);
  if (flags.dryRun) {
    const change = changeOf(facts.name, entries, LISTS, { keeps: false, current: flags.setCurrent });
    io.out(changeKubeconfig('', change, ''));
    return 0;
  }
  const places = kubeconfigPlaces(fileOf(flags), io.env, io.homedir);
  const keeps = await isFree(places, facts, flags, io);
  const written = write(places, facts, entries, { keeps, current: flags.setCurrent });
  const context = JSON.stringify(facts.name);
  io.out(
    written.length > 0
      ? `wrote the context ${context} to ${written.join(' and ')}\n`
      : `the context ${context} is in ${placeOf(places, 'contexts', facts.name)} already\n`,
  );
  io.out(`try: kubectl get namespaces${flags.setCurrent ? '' : ` --context=${shellWord(facts.name)}`}\n`);
  if (token === undefined)
    io.err(`notice: kubectl will find no token for ${facts.gitlabUrl}: ${tokenHint(facts.gitlabUrl)}\n`);
  return 0;
}

/** All that the flags say and GitLab knows; what is wrong with the flags is told before anybody is asked. */
async function factsOf(flags: KubeconfigFlags, io: Io): Promise<ContextFacts> {
  const { agent, agentId, configProject, gitlabTokenFile, namespace } = flags;
  const gitlabUrl = gitlabAddress(flags, io);
  const name = flags.context ?? (agent && configProject ? `${configProject}:${agent}` : `agent:${agentId}`);
  if (name === '' || /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u.test(name))
    throw usage(`a context can't be called ${JSON.stringify(name)}`, '--context production');
  if (namespace !== undefined && !isDnsLabel(namespace))
    throw usage(
      `the namespace can't be ${JSON.stringify(namespace)}`,
      'lower case letters, digits and dashes, at most 63',
    );
  fileOf(flags);
  const authority = flags.certificateAuthority;
  if (authority === '') throw usage('--certificate-authority is empty', 'it is a PEM file');
  const pem = authority === undefined ? undefined : readAuthorities(resolve(io.cwd, authority));
  const reached = await reachAgent(flags, io);
  return {
    name,
    ...reached,
    gitlabUrl,
    // What came through standard input can't be asked for again.
    ...(gitlabTokenFile !== undefined &&
      gitlabTokenFile !== '-' && { tokenFile: resolve(io.cwd, gitlabTokenFile) }),
    ...(pem !== undefined && { authority: pem }),
    ...(namespace !== undefined && { namespace }),
  };
}

function fileOf({ kubeconfig }: KubeconfigFlags): string | undefined {
  if (kubeconfig === '') throw usage('--kubeconfig is empty', 'is a variable of the script not set?');
  return kubeconfig;
}

/**
 * Whether what has the name already was written for the same agent, so that fields of others in it stay. What was not is
 * replaced where a person says so. Throws ProblemError where they don't.
 */
async function isFree(
  { found }: KubeconfigPlaces,
  facts: ContextFacts,
  flags: KubeconfigFlags,
  io: Io,
): Promise<boolean> {
  const { name } = facts;
  const isTaken = LISTS.some((list) => found.some(({ config }) => config[list].has(name)));
  const user = found.map(({ config }) => config.users.get(name)).find((one) => one !== undefined);
  if (!isTaken || (user && isOfAgent(user, facts))) return true;
  const called = JSON.stringify(name);
  const question = `replace what the kubeconfig calls ${called}, which is not of this agent?`;
  if (flags.yes || (io.stdinIsTty && (await confirm(question, io)))) return false;
  throw new ProblemError({
    code: 'NameTaken',
    message: `the kubeconfig calls something else ${called}, which is not of this agent`,
    hint: 'choose another name with --context, or replace it with --yes',
  });
}

interface Way {
  keeps: boolean;
  current: boolean;
}

/** Writes each entry where it is already, as kubectl does, and new ones to the usual file; the files that were written. */
function write(
  places: KubeconfigPlaces,
  { name, server }: ContextFacts,
  entries: ContextEntries,
  way: Way,
): string[] {
  const current = way.current ? [places.usual] : [];
  const files = new Set([...LISTS.map((list) => placeOf(places, list, name)), ...current]);
  return [...files].filter((file) => {
    const lists = LISTS.filter((list) => placeOf(places, list, name) === file);
    const old = places.found.find((one) => one.file === file);
    const isMoved = old?.config.clusters.get(name)?.server !== server;
    const change = changeOf(
      name,
      entries,
      lists,
      { keeps: way.keeps, current: current.includes(file) },
      isMoved,
    );
    if (old && changeKubeconfig(old.text, change, file) === old.text) return false;
    writeKubeconfig(file, (now) => {
      if (now?.replace(/^\ufeff/, '') === old?.text) return changeKubeconfig(now ?? '', change, file);
      throw new ProblemError({
        code: 'KubeconfigChanged',
        message: `the kubeconfig ${file} was changed by another program meanwhile`,
        hint: 'run the command again',
      });
    });
    return true;
  });
}

function placeOf({ found, usual }: KubeconfigPlaces, list: KubeconfigList, name: string): string {
  return found.find(({ config }) => config[list].has(name))?.file ?? usual;
}

/** Of a cluster at another address nothing stays: its authority is not the new one's. */
function changeOf(
  name: string,
  entries: ContextEntries,
  lists: readonly KubeconfigList[],
  { keeps, current }: Way,
  isMoved = false,
): KubeconfigChange {
  return {
    entries: lists.map((list) => ({
      list,
      name,
      value: entries[list],
      keeps: keeps && !(list === 'clusters' && isMoved),
    })),
    ...(current && { currentContext: name }),
  };
}

function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

function usage(message: string, hint: string): ProblemError {
  return new ProblemError({ code: 'Usage', message, hint });
}
