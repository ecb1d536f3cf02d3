/** Requests at once; those beyond what the server takes wait for their turn in the connection. */
const WIDTH = 64;

/** Works on all items, some of them at once; an item is begun only when it is its turn. */
export async function sideBySide<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const queue = items.values();
  const worker = async (): Promise<void> => {
    for (const item of queue) await work(item);
  };
  await Promise.all(Array.from({ length: Math.min(WIDTH, items.length) }, worker));
}
