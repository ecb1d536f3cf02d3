import { once } from 'node:events';
import { Code, ConnectError } from '@connectrpc/connect';
import type { Log } from '../../../core/daemon/log.ts';
import { pause } from '../../../core/daemon/time.ts';
import type { Kas } from '../connect-kas.ts';
import { kasFailure, ProtocolError } from '../kas-failure.ts';
import { Reconnecting } from '../reconnecting.ts';
import { type Method, openTunnel } from './tunnel.ts';

export interface TunnelsOptions {
  kas: Kas;
  /** Of the agent server, for sentences. */
  address: string;
  /** By `/PACKAGE.SERVICE/METHOD`. */
  methods: ReadonlyMap<string, Method>;
  random: () => number;
  log: Log;
  /** Takes idle tunnels back at once, and others after `GRACE`. */
  signal: AbortSignal;
  /** Told of every change. */
  onChange: (tunnels: { idle: number; busy: number }) => void;
  /** How long a tunnel waits for a call while there are enough others, in ms. */
  idleTimeout?: number;
}

/** As GitLab's agent: how many wait at least, are there at most, and are opened at once where calls come. */
const LEAST_IDLE = 2;
const MOST = 500;
const STEP = 10;
const IDLE_TIMEOUT = 60_000;
/** How long calls may take to end after the agent was told to, in ms. */
const GRACE = 5_000;

/** Keeps tunnels open, so that the server can reach this Pod. Resolves when the signal ends and all have. */
export function keepTunnels(options: TunnelsOptions): Promise<void> {
  return new TunnelPool(options).run();
}

/** What is kept are places: when the call of its tunnel is over, a place opens another. */
class TunnelPool {
  readonly #options: TunnelsOptions;
  readonly #places = new Set<Promise<void>>();
  readonly #ending = new AbortController();
  readonly #cut = new AbortController();
  readonly #retiring = new Set<AbortController>();
  #placed = 0;
  #idle = 0;
  #busy = 0;

  constructor(options: TunnelsOptions) {
    this.#options = options;
  }

  async run(): Promise<void> {
    const { signal } = this.#options;
    const end = (): void => this.#ending.abort(signal.reason);
    signal.addEventListener('abort', end, { once: true });
    if (signal.aborted) end();
    else this.#open(LEAST_IDLE);
    if (!this.#ending.signal.aborted) await once(this.#ending.signal, 'abort');
    signal.removeEventListener('abort', end);
    for (const retiring of this.#retiring) retiring.abort();
    void pause(GRACE, this.#cut.signal).then(() => this.#cut.abort());
    await Promise.all(this.#places);
    this.#cut.abort();
  }

  #open(count: number): void {
    const most = Math.min(count, MOST - this.#placed);
    for (let opened = 0; opened < most; opened += 1) {
      this.#placed += 1;
      const place = this.#keep().finally(() => this.#places.delete(place));
      this.#places.add(place);
    }
  }

  /** One place, until it is not needed any more. Never rejects. */
  async #keep(): Promise<void> {
    const reconnecting = new Reconnecting(this.#options.random);
    while (!this.#ending.signal.aborted) {
      const startedAt = performance.now();
      const retiring = new AbortController();
      let wait = 0;
      try {
        if (await this.#tunnel(retiring)) reconnecting.succeeded();
        // The server has ended it: others come back at the same moment.
        else wait = reconnecting.afterEnd(performance.now() - startedAt);
      } catch (error) {
        if (!retiring.signal.aborted) this.#tell(error);
        wait = reconnecting.afterFailure();
      }
      // A server that comes back finds two at its door, not hundreds.
      const isSurplus = wait > 0 && this.#placed - this.#busy > LEAST_IDLE;
      if (retiring.signal.aborted || isSurplus) break;
      await pause(wait, this.#ending.signal);
    }
    // At once, so that no two leave for the same reason.
    this.#placed -= 1;
  }

  async #tunnel(retiring: AbortController): Promise<boolean> {
    const { kas, methods, idleTimeout = IDLE_TIMEOUT } = this.#options;
    let isIdle = true;
    const timer = setInterval(() => {
      if (this.#idle > LEAST_IDLE) retiring.abort();
    }, idleTimeout);
    const leaveIdle = (): void => {
      clearInterval(timer);
      if (isIdle) this.#idle -= 1;
      isIdle = false;
    };
    retiring.signal.addEventListener('abort', leaveIdle, { once: true });
    let isBusy = false;
    this.#retiring.add(retiring);
    this.#count(1, 0);
    try {
      return await openTunnel({
        kas,
        methods,
        retire: retiring.signal,
        cut: this.#cut.signal,
        onCall: () => {
          leaveIdle();
          isBusy = true;
          this.#count(0, 1);
          if (this.#idle < LEAST_IDLE && !this.#ending.signal.aborted) this.#open(STEP);
        },
      });
    } finally {
      this.#retiring.delete(retiring);
      leaveIdle();
      this.#count(0, isBusy ? -1 : 0);
    }
  }

  #count(idle: number, busy: number): void {
    this.#idle += idle;
    this.#busy += busy;
    this.#options.onChange({ idle: this.#idle, busy: this.#busy });
  }

  #tell(error: unknown): void {
    const { log, address } = this.#options;
    if (error instanceof ConnectError && error.code === Code.Unimplemented) {
      log.debug('The agent server has no tunnels');
      this.#ending.abort();
      return;
    }
    if (error instanceof ProtocolError)
      log.warn('A tunnel was given up', { error: kasFailure(error, address).message });
    else if (error instanceof ConnectError)
      log.debug('A tunnel failed', { error: kasFailure(error, address).message });
    else
      log.error('A call failed unexpectedly', {
        error: error instanceof Error ? (error.stack ?? '') : String(error),
      });
  }
}
