import { NamespacesRefused, NetworkNamespace } from './network-namespace.ts';

export interface PrivateNetworkOptions {
  /** The port of our loopback address that is reached from it; all else is not. */
  out: number;
  /** Ports of our loopback address that are at its own, too: what is in the same cluster. */
  within: readonly number[];
  /** Without NAT: the router passes on no packet at all, it only relays that port. */
  onlyRelay?: boolean;
}

const OUTSIDE = '192.0.2.1';
const ROUTER = { outside: '192.0.2.2', inside: '10.0.0.1' };
const MEMBER = '10.0.0.2';
/** Addresses at which `out` may be, for its certificate. */
export const OUT_ADDRESSES = [OUTSIDE, ROUTER.inside];

/**
 * A network that a cluster may be in, which nobody can connect to: three network namespaces in a row.
 *
 *     the inside 10.0.0.2 ── 10.0.0.1 router 192.0.2.2 ── 192.0.2.1 the outside
 *
 * The router translates addresses to its own (NAT) and drops whatever nobody inside has asked for, by nftables or
 * iptables. Where there is neither, it passes on nothing, and relays one port. The outside has a route to the inside,
 * so that it is the router alone that keeps it out.
 */
export class PrivateNetwork implements AsyncDisposable {
  /** What the router does its work with; undefined where it only relays. */
  firewall: 'nftables' | 'iptables' | undefined;
  /** Where those inside find the port: HOST:PORT. */
  out = '';
  /** Whose connections have come out there. */
  readonly callers = new Set<string>();
  readonly #namespaces: NetworkNamespace[] = [];

  /** Throws NamespacesRefused where this machine can't have them. */
  static async start(options: PrivateNetworkOptions): Promise<PrivateNetwork> {
    if (process.platform !== 'linux') throw new NamespacesRefused('only Linux has them');
    const network = new PrivateNetwork();
    try {
      await network.#build(options);
      return network;
    } catch (error) {
      await network[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** What goes before a command, for it to run inside. */
  get enter(): readonly string[] {
    return this.#namespaces[2]!.enter;
  }

  /** Whether a port inside can be reached by address: `connected`, `no answer`, or the code of an error. */
  async connect(from: 'inside' | 'outside', port: number): Promise<string> {
    return this.#namespaces[from === 'inside' ? 2 : 0]!.connect(MEMBER, port);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const namespace of this.#namespaces.splice(0).reverse()) await namespace[Symbol.asyncDispose]();
  }

  async #build({ out, within, onlyRelay = false }: PrivateNetworkOptions): Promise<void> {
    const add = async (): Promise<NetworkNamespace> => {
      const namespace = await NetworkNamespace.start(this.#namespaces[0]);
      this.#namespaces.push(namespace);
      return namespace;
    };
    const [outside, router, inside] = [await add(), await add(), await add()];
    await outside.ip(
      `link add router type veth peer name outside netns ${router.pid}`,
      `addr add ${OUTSIDE}/24 dev router`,
      'link set router up',
      `route add ${MEMBER}/32 via ${ROUTER.outside}`,
    );
    await router.ip(
      `addr add ${ROUTER.outside}/24 dev outside`,
      'link set outside up',
      `link add inside type veth peer name router netns ${inside.pid}`,
      `addr add ${ROUTER.inside}/24 dev inside`,
      'link set inside up',
    );
    await inside.ip(
      `addr add ${MEMBER}/24 dev router`,
      'link set router up',
      `route add default via ${ROUTER.inside}`,
    );
    if (!onlyRelay) this.firewall = await keepOut(router);
    const [at, host] = this.firewall ? ([OUTSIDE, outside] as const) : ([ROUTER.inside, router] as const);
    await host.relay(at, out, out, this.callers);
    this.out = `${at}:${out}`;
    for (const port of within) await inside.relay('127.0.0.1', port, port);
  }
}

const NFTABLES = `table ip private {
  chain arriving { type filter hook input priority filter; policy drop; }
  chain passing {
    type filter hook forward priority filter; policy drop;
    ct state established,related accept
    iifname "inside" oifname "outside" accept
  }
  chain leaving { type nat hook postrouting priority srcnat; oifname "outside" masquerade; }
}
`;

const IPTABLES = `*filter
:INPUT DROP
:FORWARD DROP
-A FORWARD -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT
-A FORWARD -i inside -o outside -j ACCEPT
COMMIT
*nat
-A POSTROUTING -o outside -j MASQUERADE
COMMIT
`;

/** Makes a router with NAT of it, into which nothing comes by itself; undefined where there is no program for it. */
async function keepOut(router: NetworkNamespace): Promise<'nftables' | 'iptables' | undefined> {
  const tools = [
    ['nftables', 'nft', ['-f', '-'], NFTABLES],
    ['iptables', 'iptables-restore', [], IPTABLES],
  ] as const;
  for (const [name, program, args, rules] of tools) {
    try {
      await router.run([program, ...args], rules);
      await router.forwardPackets();
      return name;
    } catch (error) {
      // The program is not there, or the kernel lacks what it wants.
      if (!(error instanceof NamespacesRefused)) throw error;
    }
  }
  return undefined;
}
