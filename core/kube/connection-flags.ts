/** kubectl's own connection flags, with kubectl's names, meaning and defaults, as yargs takes them. */
export const CONNECTION_FLAGS = {
  kubeconfig: { type: 'string', requiresArg: true, describe: 'Path to the kubeconfig file to use' },
  context: { type: 'string', requiresArg: true, describe: 'The kubeconfig context to use' },
  cluster: { type: 'string', requiresArg: true, describe: 'The kubeconfig cluster to use' },
  user: { type: 'string', requiresArg: true, describe: 'The kubeconfig user to use' },
  namespace: {
    alias: 'n',
    type: 'string',
    requiresArg: true,
    describe:
      "Namespace of objects that name none; an object of another one is refused (default: the context's)",
  },
  server: { alias: 's', type: 'string', requiresArg: true, describe: 'Address and port of the API server' },
  token: { type: 'string', requiresArg: true, describe: 'Bearer token for the API server' },
  as: { type: 'string', requiresArg: true, describe: 'User to impersonate' },
  'as-group': { type: 'string', array: true, nargs: 1, describe: 'Group to impersonate, repeatable' },
  'as-uid': { type: 'string', requiresArg: true, describe: 'UID to impersonate' },
  'certificate-authority': {
    type: 'string',
    requiresArg: true,
    describe: "File with the API server's CA certificate",
  },
  'client-certificate': { type: 'string', requiresArg: true, describe: 'File with the client certificate' },
  'client-key': { type: 'string', requiresArg: true, describe: 'File with the client key' },
  'insecure-skip-tls-verify': {
    type: 'boolean',
    describe: "Do not check the API server's certificate: insecure",
  },
  'tls-server-name': {
    type: 'string',
    requiresArg: true,
    describe: "Name to check the API server's certificate for",
  },
  'request-timeout': {
    type: 'string',
    requiresArg: true,
    default: '0',
    describe: 'Time for a single request, such as 10s or 2m; 0 means our default of 30s',
  },
  v: {
    type: 'number',
    requiresArg: true,
    default: 0,
    describe: 'Log level on stderr: 6 shows requests, 8 their headers',
  },
} as const;
