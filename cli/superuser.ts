import { superuserActions } from "../components/operations.ts";
import { chooseOne } from "./docker/choice.ts";
import { findDeployed } from "./docker/deployed.ts";
import { execIn, runningOne } from "./exec.ts";
import { exitCode, Failure } from "./failure.ts";
import type { CommonOptions } from "./site.ts";
import { newPassword } from "./terminal/terminal.ts";

/** What is done with a superuser. */
export type SuperuserAction = keyof typeof superuserActions;

/** Which service makes superusers. */
export interface SuperuserOptions extends CommonOptions {
  /** The service that does it. @default the only one that can, or the main one of those */
  service?: string;
}

/** Creates a superuser, or sets the password of one. The password reaches the service by its standard input alone. */
export async function superuser(action: SuperuserAction, name: string, options: SuperuserOptions): Promise<void> {
  const { host, members } = await findDeployed(options);
  const key = superuserActions[action];
  const able = members.flatMap((member) => {
    const command = member.operations?.actions?.[key];
    return command === undefined ? [] : [{ ...member, command }];
  });
  if (able.length === 0) {
    throw new Failure(`No service of the stack "${options.stack}" that is there offers this.`, exitCode.usage);
  }
  const member = runningOne(chooseOne(able, options.service), options);
  const password = await newPassword(`Password for ${name}`);
  process.exitCode = await execIn(host, member, [...member.command, name], { input: `${password}\n` });
}
