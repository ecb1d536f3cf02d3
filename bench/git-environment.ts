/** What the git program is run with by a contestant: this credential, and nothing that the machine sets. */
export function gitEnvironment(
  { username, token }: { username: string; token: string },
  caFile?: string,
): NodeJS.ProcessEnv {
  const basic = Buffer.from(`${username}:${token}`).toString('base64');
  return {
    ...process.env,
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_CONFIG_GLOBAL: '/dev/null',
    ...(caFile !== undefined && { GIT_SSL_CAINFO: caFile }),
    GIT_CONFIG_COUNT: '1',
    GIT_CONFIG_KEY_0: 'http.extraHeader',
    GIT_CONFIG_VALUE_0: `Authorization: Basic ${basic}`,
  };
}
