import type { Environment } from "./environment.ts";

/** What `slipway init` asks of a setting: the key `question` in the metadata of the setting's schema. */
export interface Question {
  /** Place among the questions of the system. */
  order: number;
  /** The question, without a question mark and without the values allowed. */
  ask: string;
  /** What Enter answers. `~/` at its beginning is the user's own folder. @default the setting's own default */
  suggestion?: string | number | boolean;
  /** Asked only where these settings of the system have these values. @default always asked */
  when?: Readonly<Record<string, unknown>>;
  /** Asked only of stacks of these environments. @default of all */
  environments?: readonly Environment[];
  /** The answer is a folder of the host, which is made where it is missing. */
  makesFolder?: true;
}
