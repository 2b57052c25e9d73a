import { Argument, Command, CommanderError, InvalidArgumentError, Option } from "commander";
import type { BackupOptions } from "./backup.ts";
import { aroundDashes } from "./terminal/dashes.ts";
import type { DbshellOptions } from "./dbshell.ts";
import type { DoctorOptions } from "./doctor.ts";
import type { DownOptions } from "./down.ts";
import type { DriftOptions } from "./drift.ts";
import { exitCode, Failure } from "./failure.ts";
import type { PushOptions } from "./images.ts";
import type { HistoryOptions } from "./history.ts";
import type { ImportOptions } from "./import.ts";
import type { InitOptions } from "./init.ts";
import type { LockOptions } from "./deployment/command-lock.ts";
import type { LogsOptions } from "./logs.ts";
import type { OutputOptions } from "./output.ts";
import type { PreviewOptions } from "./preview.ts";
import type { RestoreOptions } from "./restore.ts";
import type { RollbackOptions } from "./rollback.ts";
import type { ShellOptions } from "./shell.ts";
import { commandLine, defaultStack, homeTyped, type CommonOptions } from "./site.ts";
import type { StatusOptions } from "./status.ts";
import type { SuperuserAction, SuperuserOptions } from "./superuser.ts";
import { remark } from "./terminal/terminal.ts";
import type { UpOptions } from "./up.ts";
import type { DeployOptions } from "./upgrade/deploy-clone.ts";
import type { VerifyOptions } from "./verify-backup.ts";

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
  3    done, but not good: a service is not healthy, or there are differences that were not expected
  130  interrupted

shell, dbshell, run, exec, task run and superuser pass on the exit code of what they run.`,
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
      (home: string) => homeTyped(home, process.env),
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

verb("init", "ask what an installation is to be like, and write the stack's file")
  .argument("[system]", "the system to install")
  .option("--environment <kind>", "dev, staging or prod (default: as the stack's name says, else asked for)")
  .option(
    "--answers <file>",
    "a YAML file with answers: environment, the system's settings by their names, and secrets",
  )
  .option("--set <key=value...>", "answers that are not secret, such as hostPort=8443 or certificate.kind=files", [])
  .option("--overwrite", "replace a stack file that is there; it is kept under another name", false)
  .action(async (system: string | undefined, options: InitOptions) => {
    const { init } = await import("./init.ts");
    await init(system, options);
  });

changing(verb("import", "write the file of a stack that is equal to an existing installation"))
  .argument("<settings-file>", "the installation's settings file, lines such as: NAME=value")
  .option("--system <system>", "whose installation it is (default: the system that the file's variables are of)")
  .option(
    "--environment <kind>",
    "dev, staging or prod (default: as the file or the stack's name says, else asked for)",
  )
  .option("--config <file>", "its own configuration file (default: where the settings file says, if it can be read)")
  .option("--dry-run", "say what would be done, and change nothing", false)
  .option("--overwrite", "replace a stack file that is there; it is kept under another name", false)
  .option("--stop", "stop the installation's containers and deploy the stack in their place", false)
  .option("--copy-volume", "copy the database's volume to one of the stack's own, in place of mounting it", false)
  .option("--drain", "with --stop: wait until the workers have emptied the message queues", false)
  .option("--to <folder>", "with --stop: save the database's files there (default: where backups go)")
  .option("--go-back", "give up a take-over that was broken off: start the former containers again", false)
  .action(async (settingsFile: string, options: ImportOptions) => {
    const { importInstallation } = await import("./import.ts");
    await importInstallation(settingsFile, options);
  });

/** What a command is told of the lock of its stack. */
function changing(command: Command): Command {
  return command.option(
    "--clear-lock",
    "remove the lock of a command on another machine, which does not run any more",
    false,
  );
}

/** The options that all commands have which deploy with a way back. */
function deploying(command: Command): Command {
  return changing(command)
    .option("--rebuild", "build the base image and all images anew, with fresh packages", false)
    .option(
      "--empty-volume <names...>",
      "make these volumes anew, empty, where Docker has lost them with their data",
      [],
    )
    .option("--use-volume <names...>", "make these volumes, which exist already, this stack's own with their data", [])
    .option("--migrate", "run tasks on data although the settings say that it is done by hand: this is the hand", false)
    .option("--without-backup", "change data without a backup, and without a way back for them", false)
    .option("--forget-unfinished", "drop an unfinished upgrade, and deploy on top of what is there", false);
}

deploying(verb("up", "make this machine ready, deploy the stack, and prove that it answers"))
  .option("--attach", "then show all logs until Ctrl-C, which stops all services", false)
  .action(async (options: UpOptions) => {
    const { up } = await import("./up.ts");
    await up(options);
  });

deploying(
  verb("upgrade", "deploy with a backup of the data first, and go back, data included, when it does not come to serve"),
).action(async (options: DeployOptions) => {
  const { upgrade } = await import("./upgrade.ts");
  await upgrade(options);
});

changing(verb("rollback", "bring the deployment before again, or any in the history: its settings, program and images"))
  .argument("[number]", "number of the deployment", wholeNumber)
  .option("--with-data", "bring its data back too, as they were when it was left", false)
  .option("--identity <file>", "the private key of age, where the backup is encrypted")
  .option("--confirm <stack>", "the typed confirmation that --with-data asks for, for scripts")
  .option("--forget-unfinished", "drop an unfinished upgrade", false)
  .action(async (number: number | undefined, options: RollbackOptions) => {
    const { rollback } = await import("./rollback.ts");
    await rollback(number, options);
  });

verb("history", "list the deployments: when, by whom, what changed, and which backup belongs to each")
  .option("--json", "print data")
  .action(async (options: HistoryOptions) => {
    const { history } = await import("./history.ts");
    history(options);
  });

verb("preview", "say what a deployment would change, in plain words and as Pulumi's difference")
  .option("--expect-no-changes", "end with exit code 3 when anything would change", false)
  .option("--json", "print data")
  .action(async (options: PreviewOptions) => {
    const { preview } = await import("./preview.ts");
    await preview(options);
  });

verb("drift", "say in what the containers differ from what the last deployment declared")
  .option("--json", "print data")
  .action(async (options: DriftOptions) => {
    const { drift } = await import("./drift.ts");
    await drift(options);
  });

changing(verb("down", "remove the stack's containers and networks; the data are kept"))
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

/** A verb that takes a service and, after `--`, a command. */
function commandVerb(
  name: string,
  description: string,
  action: (service: string | undefined, command: string[], options: CommonOptions) => Promise<void>,
): void {
  verb(name, description)
    .usage("[options] [service] -- <command> [arguments...]")
    .argument("[words...]", "the service (default: the system's main one), and after -- the command with its arguments")
    .action(async (words: string[], options: CommonOptions) => {
      const [services, command] = aroundDashes(words, process.argv);
      if (services.length > 1 || command.length === 0) {
        throw new Failure(
          `Put the command after --, such as: ${commandLine(`${name} SERVICE`, options)} -- ls -l`,
          exitCode.usage,
        );
      }
      await action(services[0], command, options);
    });
}

verb("shell", "open a shell in the container of a service: bash, or sh where there is none")
  .argument("[service]", "default: the system's main one")
  .option("--as-root", "as root, though without capabilities and under a read-only root file system", false)
  .action(async (service: string | undefined, options: ShellOptions) => {
    const { shell } = await import("./shell.ts");
    await shell(service, options);
  });

verb(
  "dbshell",
  "open the database's own client; in pipes, run statements or, where only the output is one, write a dump",
)
  .argument("[service]", "where there are several databases")
  .option("--dump", "write a dump of the database to standard output", false)
  .action(async (service: string | undefined, options: DbshellOptions) => {
    const { dbshell } = await import("./dbshell.ts");
    await dbshell(service, options);
  });

commandVerb(
  "run",
  "run a command in a new container of a service, with its configuration, networks, mounts and secrets",
  async (service, command, options) => {
    const { run } = await import("./run.ts");
    await run(service, command, options);
  },
);

commandVerb("exec", "run a command in the container of a service", async (service, command, options) => {
  const { exec } = await import("./exec.ts");
  await exec(service, command, options);
});

changing(
  withCommonOptions(program.command("task").description("the tasks of a stack, such as a migration").command("run")),
)
  .description("run a task now, be it again, in a new container that is gone afterwards")
  .argument("<task>")
  .action(async (task: string, options: LockOptions) => {
    const { runTask } = await import("./task.ts");
    await runTask(task, options);
  });

changing(verb("start", "start services that were stopped, and wait until they are healthy"))
  .argument("[services...]", "default: all but those that stand by until they are named")
  .action(async (names: string[], options: LockOptions) => {
    const { start } = await import("./start.ts");
    await start(names, options);
  });

changing(verb("stop", "stop services until they are started again; containers and data are kept"))
  .argument("[services...]", "default: all")
  .action(async (names: string[], options: LockOptions) => {
    const { stop } = await import("./stop.ts");
    await stop(names, options);
  });

changing(verb("restart", "stop and start services, and wait until they are healthy"))
  .argument("<services...>", "services or containers")
  .action(async (names: string[], options: LockOptions) => {
    const { restart } = await import("./restart.ts");
    await restart(names, options);
  });

verb("superuser", "create a superuser, or set a user's password, which is asked for or read from standard input")
  .addArgument(new Argument("<action>", "what to do").choices(["create", "password"]))
  .argument("<name>", "the user's name")
  .option("--service <name>", "the service that does it, where several can")
  .action(async (action: SuperuserAction, name: string, options: SuperuserOptions) => {
    const { superuser } = await import("./superuser.ts");
    await superuser(action, name, options);
  });

changing(verb("backup", "save the stack's data while it serves, with its settings and its state, in one file"))
  .addArgument(
    new Argument("[action]", "verify: restore a backup into throw-away containers, and compare").choices(["verify"]),
  )
  .argument("[file]", "the backup to verify (default: the newest one)")
  .option("--to <folder>", "put it there (default: the setting backup.folder, else backups beside the state)")
  .option("--identity <file>", "to verify: the private key of age, where the backup is encrypted")
  .action(async (action: "verify" | undefined, file: string | undefined, options: BackupOptions & VerifyOptions) => {
    if (action === "verify") {
      const { verifyByRestoring } = await import("./verify-backup.ts");
      await verifyByRestoring(file, options);
      return;
    }
    const { backup } = await import("./backup.ts");
    await backup(options);
  });

changing(
  verb(
    "restore",
    "replace the stack's data by those of a backup, after it was verified, and prove that they are equal",
  ),
)
  .argument("<file>", "a backup")
  .option("--identity <file>", "the private key of age, where the backup is encrypted")
  .option("--verify-only", "only say whether the backup is whole, and what is in it", false)
  .addOption(
    new Option(
      "--settings-only",
      "put back only the stack's file and state, on a machine that has neither, and say how to go on",
    )
      .default(false)
      .conflicts("verifyOnly"),
  )
  .option("--confirm <stack>", "the typed confirmation, for scripts")
  .action(async (file: string, options: RestoreOptions) => {
    const { restore } = await import("./restore.ts");
    await restore(file, options);
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
  .argument("[settings...]", "only the images that these settings choose, such as SYSTEM.images.mysql")
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
    return Number(process.exitCode ?? exitCode.good);
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
