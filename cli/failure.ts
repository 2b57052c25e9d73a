/** What the exit code of every command says. */
export const exitCode = {
  good: 0,
  failed: 1,
  usage: 2,
  notGood: 3,
  interrupted: 130,
} as const;

export type ExitCode = (typeof exitCode)[keyof typeof exitCode];

/** Something that ends a command. The message is written for the user and is all that is shown. */
export class Failure extends Error {
  override name = "Failure";
  readonly exitCode: ExitCode;

  constructor(message: string, code: ExitCode = exitCode.failed) {
    super(message);
    this.exitCode = code;
  }
}
