import type { ExecutionContext } from 'ava';
import { ground, reach } from '../kas/ground.ts';

/** A server with one agent, whose configuration this is, and a job of `group/app` that asks for its cluster. */
export async function scene(t: ExecutionContext, configYaml: string) {
  const all = await ground(t, { kubernetesApi: 'allowed_agent_cache_ttl: 1s' });
  await all.config.commit({ '.gitlab/agents/test/config.yaml': configYaml });
  const kas = reach(t, { address: `grpc://127.0.0.1:${all.server.port}`, token: all.token });
  const url = all.server.kubernetesUrl;
  const jobs = await all.gitlab.createProject('group/app');
  const job = jobs.createJobToken();
  const ci = { authorization: `Bearer ci:1:${job.value}` };
  return { ...all, kas, url, jobs, job, ci };
}
