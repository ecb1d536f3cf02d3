import { map } from '../../core/config/map.ts';
import { FLAG, text } from '../../core/config/types.ts';
import { CERTIFICATE_FILE, count, FILE, HOST_PORT, KEY_FILE, LISTEN_ADDRESS } from './types.ts';

/** What several servers share. */
export const REDIS = map({
  server: {
    type: map({
      address: {
        type: HOST_PORT,
        required: true,
        doc: 'Where it is.',
        example: 'redis:6379',
      },
      tls: { type: FLAG, default: false, doc: 'Whether the connection is encrypted.' },
      ca_certificate_file: {
        type: FILE,
        doc: 'PEM file with the authorities of its certificate, beside those that are trusted anyway.',
        example: '/etc/gitlab-agent-server/redis-ca.crt',
      },
    }),
    required: true,
    doc: 'One Redis or Valkey.',
  },
  username: { type: text(), doc: 'For its access control list.', example: 'gitlab-agent-server' },
  password_file: {
    type: FILE,
    doc: 'Read again for each connection.',
    example: '/etc/gitlab-agent-server/redis-password',
  },
  database_index: { type: count(0), default: 0, doc: 'Of its databases.' },
  key_prefix: { type: text(), default: 'gitlab-kas', doc: 'What all keys begin with.' },
});

/** How they hand requests to each other. */
export const PRIVATE_API = map({
  listen: {
    type: map({
      address: {
        type: LISTEN_ADDRESS,
        default: '127.0.0.1:8155',
        doc: 'Where other replicas connect.',
        example: ':8155',
      },
      authentication_secret_file: {
        type: FILE,
        required: true,
        doc: 'The secret that replicas share (base64 of 32 bytes). Read again for each request.',
        example: '/etc/gitlab-agent-server/private-api-secret',
      },
      certificate_file: CERTIFICATE_FILE,
      key_file: KEY_FILE,
      ca_certificate_file: {
        type: FILE,
        doc: "PEM file with the authorities of the other replicas' certificates.",
        example: '/etc/gitlab-agent-server/tls/ca.crt',
      },
    }),
    required: true,
    doc: 'The port for other replicas, at the address that the environment variable `OWN_PRIVATE_API_URL` says: `http://10.0.0.1:8155`. `OWN_PRIVATE_API_HOST` is the name in their certificates.',
  },
});
