import { readFileSync } from 'node:fs';

/** User and system time of a process so far. */
export function cpuSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /, '')
    .split(' ');
  // utime and stime, in the kernel's ticks of 10 ms.
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

/** What a process holds resident. */
export function megabytes(pid: number): number {
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]) / 1024;
}
