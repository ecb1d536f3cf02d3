import { ConnectError } from '@connectrpc/connect';
import type { Log } from '../core/daemon/log.ts';
import { pause } from '../core/daemon/time.ts';
import type { GitLabApi } from './access/gitlab-api.ts';
import type { Metrics } from './metrics.ts';

export interface UsageOptions {
  api: GitLabApi;
  metrics: Metrics;
  /** In ms; 0: never. */
  every: number;
  log: Log;
  signal: AbortSignal;
}

/** Tells GitLab now and then how many batches were sent since it was told last, until the signal ends. */
export function reportUsage(options: UsageOptions): void {
  if (options.every > 0) void report(options);
}

async function report({ api, metrics, every, log, signal }: UsageOptions): Promise<void> {
  let told = 0;
  for (;;) {
    await pause(every, signal);
    if (signal.aborted) return;
    const { values } = await metrics.batches.get();
    const sent = values[0]?.value ?? 0;
    if (sent === told) continue;
    try {
      await api.countUsage({ gitops_sync: sent - told }, signal);
      told = sent;
    } catch (error) {
      log.warn('GitLab was not told of the usage', { error: ConnectError.from(error).rawMessage });
    }
  }
}
