import { Command, CommanderError, InvalidArgumentError } from "commander";
import type { DoctorOptions } from "./doctor.ts";
import type { DownOptions } from "./down.ts";
import { exitCode, Failure } from "./failure.ts";
import type { PushOptions } from "./images.ts";
import type { LogsOptions } from "./logs.ts";
import type { OutputOptions } from "./output.ts";
import type { PreviewOptions } from "./preview.ts";
import { defaultStack, type CommonOptions } from "./site.ts";
import type { StatusOptions } from "./status.ts";
import { remark } from "./terminal.ts";
import type { UpOptions } from "./up.ts";

// Each command loads its own file only when it runs: Pulumi's packages alone take most of a second.

const program = new Command("slipway")
  .description("Research systems, launched onto Docker by Pulumi.")
  .addHelpText(
    "after",
    `
Exit codes:
  0    good
  1    failed
  2    wrong usage or settings, or a question that nobody could be asked
  3    done, but not good: a service is not healthy, or changes that were not expected
  130  interrupted`,
  )
  .exitOverride();

/** A command with the options that all of them have. */
function verb(name: string, description: string): Command {
  return withCommonOptions(program.command(name)).description(description);
}

function withCommonOptions(command: Command): Command {
  return command
    .option("--stack <name>", "the stack to work on", stackName, defaultStack)
    .option(
      "--home <folder>",
      "keep stack files, state and passphrase here (default: SLIPWAY_HOME, else the XDG folders)",
    )
    .option("--yes", "answer every question with yes", false);
}

function stackName(name: string): string {
  if (!/^[A-Za-z0-9_.-]{1,100}$/.test(name)) {
    throw new InvalidArgumentError("Allowed: 1 to 100 letters, digits, '.', - and _.");
  }
  return name;
}

function wholeNumber(text: string): number {
  if (!/^\d+$/.test(text)) throw new InvalidArgumentError("Allowed: a whole number.");
  return Number(text);
}

verb("up", "make this machine ready, deploy the stack, and prove that it answers")
  .option("--rebuild", "build the base image and all images anew, with fresh packages", false)
  .option("--empty-volume <names...>", "make these volumes anew, empty, where Docker has lost them with their data", [])
  .option("--use-volume <names...>", "make these volumes, which exist already, this stack's own with their data", [])
  .action(async (options: UpOptions) => {
    const { up } = await import("./up.ts");
    await up(options);
  });

verb("preview", "say what a deployment would change, in plain words and as Pulumi's difference")
  .option("--expect-no-changes", "end with exit code 3 when anything would change", false)
  .option("--json", "print data")
  .action(async (options: PreviewOptions) => {
    const { preview } = await import("./preview.ts");
    await preview(options);
  });

verb("down", "remove the stack's containers and networks; the data are kept")
  .option("--delete-data <stack>", "destroy the data of the stack of this name too, after a typed confirmation")
  .option("--confirm <stack>", "the typed confirmation, for scripts")
  .action(async (options: DownOptions) => {
    const { down } = await import("./down.ts");
    await down(options);
  });

verb("status", "show each service with image, health, uptime, ports and restarts, and the certificate's expiry")
  .option("--json", "print data")
  .action(async (options: StatusOptions) => {
    const { status } = await import("./status.ts");
    await status(options);
  });

verb("logs", "show the logs of services and tasks")
  .argument("[services...]", "services, tasks or containers (default: all)")
  .option("-f, --follow", "go on with new lines until Ctrl-C", false)
  .option("--since <time>", "a span such as 30s, 10m, 2h, 1d, or a time such as 2026-01-31T12:00")
  .option("--tail <lines>", "only so many of the last lines of each container", wholeNumber)
  .action(async (names: string[], options: LogsOptions) => {
    const { logs } = await import("./logs.ts");
    await logs(names, options);
  });

verb("output", "print the stack's outputs, such as addresses; secret ones on request")
  .argument("[name]", "only this one")
  .option("--show-secrets", "print secrets in plain text", false)
  .option("--json", "print data")
  .action(async (name: string | undefined, options: OutputOptions) => {
    const { output } = await import("./output.ts");
    await output(name, options);
  });

const images = program.command("images").description("what the stack's containers are made from");

withCommonOptions(images.command("push"))
  .description("push the images that the stack builds to a registry, and print the settings by which others pull them")
  .argument("[settings...]", "only the images that these settings choose, such as camcops.images.mysql")
  .requiredOption("--to <repository>", "what the images' names follow, such as registry.example.org/slipway")
  .option("--json", "print data")
  .action(async (settings: string[], options: PushOptions) => {
    const { pushImages } = await import("./images.ts");
    await pushImages(settings, options);
  });

verb("doctor", "check machine, settings and deployment, and say what to type where something is wrong")
  .option("--fix", "make the machine ready for `pulumi up`: Docker, Pulumi, base image", false)
  .option("--json", "print data")
  .action(async (options: DoctorOptions) => {
    const { doctor } = await import("./doctor.ts");
    await doctor(options);
  });

verb("env", 'print environment variables for plain pulumi in this clone: eval "$(./slipway env)"').action(
  async (options: CommonOptions) => {
    const { env } = await import("./env.ts");
    await env(options);
  },
);

async function main(): Promise<number> {
  try {
    await program.parseAsync();
    return exitCode.good;
  } catch (error) {
    // Commander has printed its message by then.
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCode.good : exitCode.usage;
    remark(error instanceof Error ? error.message : String(error));
    return error instanceof Failure ? error.exitCode : exitCode.failed;
  }
}

// Whoever reads the output may have seen enough, as `head` has.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  process.exit(error.code === "EPIPE" ? exitCode.good : exitCode.failed);
});
process.exitCode = await main();
