import * as pulumi from "@pulumi/pulumi";
import * as random from "@pulumi/random";

export interface SecretArgs {
  /** The value that the user chose, from an encrypted configuration key. @default the generated one */
  given?: pulumi.Output<string> | undefined;
  /** Length of the generated value, in characters. @default 32 */
  length?: number;
}

/**
 * A password or key, generated once or given. The generated one exists and is protected in either case, so that choosing
 * a value and giving it up again never asks for the deletion of a secret that data may still need.
 */
export class Secret extends pulumi.ComponentResource {
  readonly value: pulumi.Output<string>;

  constructor(name: string, args: SecretArgs = {}, opts?: pulumi.ComponentResourceOptions) {
    super("slipway:index:Secret", name, {}, opts);
    const generated = new random.RandomPassword(
      `${name}-password`,
      { length: args.length ?? 32, special: false },
      { parent: this, protect: true },
    );
    this.value = pulumi.secret(args.given ?? generated.result);
    this.registerOutputs({ value: this.value });
  }
}
