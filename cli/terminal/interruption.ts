import { exitCode, Failure } from "../failure.ts";

const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

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
  try {
    return await work(controller.signal);
  } catch (error) {
    if (controller.signal.aborted) throw new Failure(`Interrupted. ${said()}`, exitCode.interrupted);
    throw error;
  } finally {
    for (const signal of signals) process.off(signal, interrupt);
  }
}
