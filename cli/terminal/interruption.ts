import { exitCode, Failure } from "../failure.ts";

const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

const underWay = new Set<AbortSignal>();

/** Whether something that ends in order is under way and was told to end: nothing long begins within it any more. */
export function isInterrupted(): boolean {
  return [...underWay].some(({ aborted }) => aborted);
}

/**
 * Does something that ends in order when this process is told to end.
 *
 * @param said what is true after an interruption, such as `Nothing was written.`
 * @throws Failure with exit code 130 after an interruption.
 */
export async function interruptible<T>(work: (signal: AbortSignal) => Promise<T>, said: () => string): Promise<T> {
  const controller = new AbortController();
  const interrupt = () => {
    controller.abort();
  };
  for (const signal of signals) process.on(signal, interrupt);
  underWay.add(controller.signal);
  try {
    return await work(controller.signal);
  } catch (error) {
    if (controller.signal.aborted) throw new Failure(`Interrupted. ${said()}`, exitCode.interrupted);
    throw error;
  } finally {
    underWay.delete(controller.signal);
    for (const signal of signals) process.off(signal, interrupt);
  }
}
