const patience = 2000;
const redraw = 500;

/** Waits, and says so on a terminal when it takes over two seconds. */
export async function withProgress<T>(what: string, work: Promise<T>, out: NodeJS.WriteStream = process.stderr): Promise<T> {
  if (!out.isTTY) return work;
  const start = Date.now();
  let drawn = false;
  const timer = setInterval(() => {
    const elapsed = Date.now() - start;
    if (elapsed < patience) return;
    drawn = true;
    out.write(`\r\x1b[K  ${what} (${Math.round(elapsed / 1000)} s)`);
  }, redraw);
  try {
    return await work;
  } finally {
    clearInterval(timer);
    if (drawn) out.write("\r\x1b[K");
  }
}
