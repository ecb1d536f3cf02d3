import { findMembers } from '../../core/apply/inventory.ts';
import { readRecord } from '../../core/apply/read-record.ts';
import { SecretGate } from '../../core/plan/secret-gate.ts';
import { inventoryExitCode, renderInventory } from '../../core/report/inventory-report.ts';
import { wordsOf } from '../agents/agent-flags.ts';
import { chooseSet } from '../choose-set.ts';
import type { InventoryFlags } from '../commands/inventory.ts';
import { type Io, wantsColor } from '../io.ts';
import { withDiscovery } from '../with-discovery.ts';

/** Runs `inventory` and returns its exit code. Throws ProblemError for what a person has to mend. */
export function runInventory(flags: InventoryFlags, io: Io): Promise<number> {
  return withDiscovery(flags, io, async ({ progress, ...looking }) => {
    const { cluster, discovery } = looking;
    const { applyset } = flags;
    const words = wordsOf(flags);
    const found = await chooseSet(cluster, discovery, { ...looking, applyset, words, command: 'inventory' });
    progress.update('listing the members …');
    const options = { gate: new SecretGate(), now: new Date() };
    const { members, unknown } = await findMembers(cluster, discovery, found, options);
    const revision = readRecord(found.live.data).inventory?.revision;
    const inventory = { applySet: found.set, revision, members, unknown };
    progress.end();
    const style = { color: wantsColor(io, flags.color), width: io.columns };
    io.out(renderInventory(flags.output, inventory, style));
    return inventoryExitCode(inventory);
  });
}
