/** Webhooks: a POST for each ref that a push moved, and GitLab's patience with receivers that fail. */
import { randomUUID } from 'node:crypto';
import { pushPayload } from './push-payload.ts';
import type { Push, RefUpdate, World } from './world.ts';

export interface WebhookOptions {
  /** Sent as `X-Gitlab-Token`. */
  secret?: string;
  /** Which branches' pushes are told; `*` stands for anything. Tags are told whatever this is. */
  branches?: string;
  pushes?: boolean;
  tags?: boolean;
}

export interface Webhook extends Required<Omit<WebhookOptions, 'secret'>> {
  id: number;
  url: string;
  uuid: string;
  secret: string | undefined;
  /** How often in a row the receiver failed. */
  failures: number;
  /** Nothing is sent until then. */
  disabledUntil: Date | null;
  /** Everything that was sent, oldest first. `status` is undefined where no answer came. */
  deliveries: { event: string; body: object; status: number | undefined }[];
}

/** More refs than these in one push, and no hook is told at all. */
const MOST_REFS = 3;
const TIMEOUT_MS = 10_000;

export function newWebhook(world: World, url: string, options: WebhookOptions): Webhook {
  return {
    id: world.nextId('webhook'),
    url,
    uuid: randomUUID(),
    secret: options.secret,
    branches: options.branches ?? '',
    pushes: options.pushes ?? true,
    tags: options.tags ?? false,
    failures: 0,
    disabledUntil: null,
    deliveries: [],
  };
}

export function tellWebhooks(world: World, push: Push): void {
  if (push.updates.length > MOST_REFS) return;
  for (const hook of push.project.webhooks) {
    for (const update of push.updates) {
      if (wants(hook, update)) world.run(deliver(world, push, hook, update));
    }
  }
}

function wants({ pushes, tags, branches }: Webhook, { ref }: RefUpdate): boolean {
  if (ref.startsWith('refs/tags/')) return tags;
  if (!ref.startsWith('refs/heads/') || !pushes) return false;
  if (branches === '') return true;
  const pattern = branches.split('*').map(RegExp.escape).join('.*');
  return new RegExp(`^${pattern}$`).test(ref.slice('refs/heads/'.length));
}

async function deliver(
  world: World,
  { project, user }: Push,
  hook: Webhook,
  update: RefUpdate,
): Promise<void> {
  if (hook.disabledUntil && hook.disabledUntil > world.now()) return;
  const event = update.ref.startsWith('refs/tags/') ? 'Tag Push Hook' : 'Push Hook';
  const body = await pushPayload(project, user, update);
  const delivery: Webhook['deliveries'][number] = { event, body, status: undefined };
  hook.deliveries.push(delivery);
  const headers = {
    'content-type': 'application/json',
    'user-agent': `Gitlab/${world.version.text}`,
    'x-gitlab-event': event,
    'x-gitlab-instance': world.url,
    'x-gitlab-event-uuid': randomUUID(),
    ...(world.version.atLeast('16.2') ? { 'x-gitlab-webhook-uuid': hook.uuid } : {}),
    ...(world.version.atLeast('17.4') ? { 'idempotency-key': randomUUID() } : {}),
    ...(hook.secret === undefined ? {} : { 'x-gitlab-token': hook.secret }),
  };
  try {
    const signal = AbortSignal.any([AbortSignal.timeout(TIMEOUT_MS), world.ending]);
    const response = await fetch(hook.url, { method: 'POST', headers, body: JSON.stringify(body), signal });
    delivery.status = response.status;
    await response.body?.cancel();
  } catch {
    // A receiver that is away or slow has failed as one that answers 500 has.
  }
  judge(world, hook, delivery.status !== undefined && delivery.status < 300);
}

/** Four failures in a row: a minute of silence, then twice that, up to a day; forty: for good. */
function judge(world: World, hook: Webhook, good: boolean): void {
  hook.failures = good ? 0 : hook.failures + 1;
  hook.disabledUntil = null;
  if (hook.failures < 4) return;
  const minutes = hook.failures >= 40 ? Number.POSITIVE_INFINITY : Math.min(2 ** (hook.failures - 4), 1440);
  const end = world.now().getTime() + minutes * 60_000;
  hook.disabledUntil = new Date(Math.min(end, 8.64e15));
}
