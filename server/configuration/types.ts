import { refine } from '../../core/config/map.ts';
import { type TextFault, type Type, text } from '../../core/config/types.ts';
import { parseListenAddress } from '../../core/daemon/listen.ts';

/** A whole number that is not less than `least`. */
export function count(least = 1): Type<number> {
  return refine(
    text({ numbers: true, words: 'number', schema: { pattern: '^[0-9]{1,15}$', minimum: least } }),
    {
      read: (found, report, name) => {
        const value = /^\d{1,15}$/.test(found) ? Number(found) : undefined;
        if (value === undefined) return report(`${name} is a whole number`);
        return value < least ? report(`${name} is less than ${least}`) : value;
      },
      write: String,
    },
  );
}

export const FILE = text({ words: 'path of a file' });
export const DIRECTORY = text({ words: 'path of a directory' });

export const LISTEN_ADDRESS = text({
  words: 'address',
  check: (found): TextFault | undefined => {
    try {
      parseListenAddress(found);
      return undefined;
    } catch {
      return { message: 'is no address to listen at', hint: 'HOST:PORT, or :PORT for all addresses' };
    }
  },
});

export const GITLAB_URL = text({
  words: 'URL',
  schema: { format: 'uri' },
  check: (found) => {
    const url = URL.parse(found);
    const hint = 'write https://gitlab.example.com';
    if (!url || !/^https?:$/.test(url.protocol)) return { message: 'is no URL', hint };
    if (url.username || url.password) return { message: 'holds a user name or password', hint };
    return url.search || url.hash ? { message: 'has a query or a fragment', hint } : undefined;
  },
});

export const HEADER_NAME = text({
  words: 'name of a header',
  check: (found) =>
    /^[A-Za-z][A-Za-z0-9-]*$/.test(found) ? undefined : { message: 'is no name of a header' },
});

export const URL_PATH_PREFIX = text({
  words: 'path',
  check: (found) =>
    /^\/(?:[\w.~-]+\/)*$/.test(found) && !/\/\.{1,2}\//.test(found)
      ? undefined
      : { message: 'is no path that begins and ends with a slash', hint: 'write /k8s-proxy/' },
});

/** `HOST:PORT` */
export const HOST_PORT = text({
  words: 'address',
  check: (found) => {
    const url = /^[^/@?#]+:\d{1,5}$/.test(found) ? URL.parse(`tcp://${found}`) : null;
    return url?.hostname ? undefined : { message: 'is no HOST:PORT', hint: 'write redis:6379' };
  },
});

/** Fields of every port that may have TLS. */
export const CERTIFICATE_FILE = {
  type: FILE,
  doc: 'PEM file with the certificate for TLS, and those between it and its authority. Read again for each connection.',
  example: '/etc/gitlab-agent-server/tls/tls.crt',
};
export const KEY_FILE = {
  type: FILE,
  doc: 'PEM file with its key.',
  example: '/etc/gitlab-agent-server/tls/tls.key',
};
