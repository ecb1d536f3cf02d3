/**
 * A Node with a kubelet for tests of what goes through one: kwok's own server, behind the real API server.
 *
 *     await using kubelet = await Kubelet.start({ ports: { 80: port } });
 *     await kubelet.pod(namespace, 'web');
 *     await kubectl(['exec', '-i', '-n', namespace, 'web', '--', 'head', '-c', '5'], { input: 'hello' });
 *
 * `exec` (and so `cp`) runs commands of this machine in `kubelet.directory`; `port-forward` goes to the ports of the
 * loopback address that `ports` names for those of Pods; `logs -f` and `attach` give what `kubelet.write` writes,
 * whichever Pod of this Node is asked. What kwok lacks: a command is not told the end of its input (`cat` never ends,
 * `head -c` does; `tar` has a helper), every failure has exit code 1, and `attach` takes no input.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { appendFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { accessOf, apiRequest, type Endpoint, sharedCluster, waitFor } from './cluster.ts';
import { findBinaries } from './control-plane/binaries.ts';
import { freePorts } from './control-plane/ports.ts';
import { makeKubeletNode, makePodOn } from './kubelet-node.ts';

export interface KubeletOptions {
  endpoint?: Endpoint;
  /** Ports of Pods, and where they lead to on this machine. */
  ports?: Readonly<Record<number, number>>;
}

export class Kubelet implements AsyncDisposable {
  /** Of the Node. */
  readonly name: string;
  /** Where commands run. */
  readonly directory: string;
  readonly #home: string;
  readonly #endpoint: Endpoint;
  readonly #child: ChildProcess;
  readonly #ended: Promise<unknown>;

  private constructor(endpoint: Endpoint, name: string, home: string, child: ChildProcess) {
    this.#endpoint = endpoint;
    this.name = name;
    this.#home = home;
    this.directory = join(home, 'work');
    this.#child = child;
    this.#ended = new Promise((resolve) => child.once('close', resolve));
  }

  /** Runs it, and makes the Node that says where it is. Nothing else is scheduled there. */
  static async start({ endpoint = sharedCluster(), ports = {} }: KubeletOptions = {}): Promise<Kubelet> {
    const { kwok } = await findBinaries(['kwok']);
    const [port] = await freePorts(1);
    const home = mkdtempSync(join(tmpdir(), 'gitlab-agent-kubelet-'));
    mkdirSync(join(home, 'work'));
    mkdirSync(join(home, 'bin'));
    const tar = `exec ${process.execPath} ${join(import.meta.dirname, 'kubelet-tar.ts')} "$@"`;
    writeFileSync(join(home, 'bin', 'tar'), `#!/bin/sh\nPATH='${process.env.PATH}' ${tar}\n`, {
      mode: 0o755,
    });
    writeFileSync(join(home, 'log'), '');
    writeFileSync(join(home, 'kwok.yaml'), configuration(home, ports));
    const child = spawn(
      kwok,
      [
        `--kubeconfig=${endpoint.kubeconfig}`,
        `--config=${join(home, 'kwok.yaml')}`,
        // The Node and its Pods are kept by the cluster's own kwok.
        '--manage-nodes-with-annotation-selector=gitlab-agent-test/kept-by=nobody',
        `--server-address=127.0.0.1:${port}`,
      ],
      {
        cwd: home,
        env: { PATH: `${join(home, 'bin')}:${process.env.PATH}`, HOME: home, TMPDIR: home },
        stdio: 'ignore',
        // With the commands that it runs, which outlive it otherwise.
        detached: true,
      },
    );
    const name = `kubelet-${randomBytes(4).toString('hex')}`;
    const kubelet = new Kubelet(endpoint, name, home, child);
    try {
      await waitFor(
        async () => {
          if (child.exitCode !== null) throw new Error(`kwok ended with ${child.exitCode}`);
          return (await fetch(`http://127.0.0.1:${port}/healthz`)).ok;
        },
        { what: 'the kubelet to listen' },
      );
      await makeKubeletNode(endpoint, name, port!);
    } catch (error) {
      await kubelet[Symbol.asyncDispose]();
      throw error;
    }
    return kubelet;
  }

  /** A Pod on this Node that is ready. */
  async pod(namespace: string, name: string): Promise<void> {
    await makePodOn(this.#endpoint, this.name, namespace, name);
    const path = `/api/v1/namespaces/${namespace}/pods/${name}`;
    await waitFor(
      async () => (await apiRequest(accessOf(this.#endpoint), 'GET', path)).body.status?.phase === 'Running',
      { what: `the Pod ${name} to run` },
    );
  }

  /** One more line of the log of all Pods here. */
  write(text: string): void {
    appendFileSync(join(this.#home, 'log'), `${new Date().toISOString()} stdout F ${text}\n`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode === null) process.kill(-this.#child.pid!, 'SIGKILL');
    await this.#ended;
    rmSync(this.#home, { recursive: true, force: true, maxRetries: 5 });
    await apiRequest(accessOf(this.#endpoint), 'DELETE', `/api/v1/nodes/${this.name}`);
  }
}

/** Documents of `kwok.x-k8s.io/v1alpha1` for every Pod. */
function configuration(home: string, ports: Readonly<Record<number, number>>): string {
  const logsFile = join(home, 'log');
  const specs = {
    ClusterExec: { execs: [{ local: { workDir: join(home, 'work') } }] },
    ClusterLogs: { logs: [{ logsFile, follow: true }] },
    ClusterAttach: { attaches: [{ logsFile }] },
    ClusterPortForward: {
      forwards: Object.entries(ports).map(([pod, here]) => ({
        ports: [Number(pod)],
        target: { address: '127.0.0.1', port: here },
      })),
    },
  };
  return Object.entries(specs)
    .map(([kind, spec]) =>
      JSON.stringify({ apiVersion: 'kwok.x-k8s.io/v1alpha1', kind, metadata: { name: 'all' }, spec }),
    )
    .join('\n---\n');
}
