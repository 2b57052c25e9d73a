import { Readable } from "node:stream";
import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import * as random from "@pulumi/random";
import type Docker from "dockerode";
import tar from "tar-stream";
import { fileVolumeName } from "./file-volume-name.ts";
import type { Host } from "./host.ts";
import type { Image } from "./image.ts";
import { labelInputs, ownerLabels } from "./owner-labels.ts";
import { removeLeftoverContainer } from "./leftovers.ts";

/** The folder of the carrier at which the volume is filled. */
const folder = "/files";

export interface FileVolumeArgs {
  host: Host;
  /** The system that the files belong to. */
  system: string;
  /** Name of the carrier container, and the beginning of the volume's name. */
  carrierName: string;
  /**
   * Changed files go into a new volume, by a new carrier, so that a former container keeps its own until it has gone. The
   * names of both then end with a text that changes with the files. @default false
   */
  overlapping?: boolean;
  /** Any image that is there: nothing of it runs. */
  image: Image;
  /** Contents by file name. All of them are treated as secrets. */
  files: Record<string, pulumi.Input<string>>;
  /** The only user that may read the files, as a number. */
  userId: number;
  groupId: number;
}

/**
 * A volume filled with generated files, secrets among them, that services mount read-only.
 *
 * Docker takes no uploads into a container whose root file system is read-only. So a carrier, a container that is created
 * but never started, takes them into the volume. A hook then gives each file to the user who needs it, with mode 0400: the
 * provider's own `owner` fails on Docker 20.10 where the image names a user. Services carry the carrier's id as a label:
 * changed files make a new carrier, and thereby new services.
 */
export class FileVolume extends pulumi.ComponentResource {
  readonly volumeName: pulumi.Output<string>;
  /** Changes whenever a file's content does. */
  readonly revision: pulumi.Output<string>;

  constructor(name: string, args: FileVolumeArgs, opts?: pulumi.ComponentResourceOptions) {
    super("slipway:index:FileVolume", name, {}, opts);
    const { client } = args.host;
    const owner = { uid: args.userId, gid: args.groupId };
    const contents = pulumi.secret(pulumi.all(args.files));
    const settled = new Promise<Record<string, string>>((resolve) => {
      contents.apply(resolve);
    });

    const carrierName =
      args.overlapping === true
        ? pulumi.interpolate`${args.carrierName}-${
            new random.RandomId(
              `${name}-revision`,
              { byteLength: 4, keepers: { contents: contents.apply((files) => JSON.stringify(files)) } },
              { parent: this },
            ).hex
          }`
        : args.carrierName;
    const deleteBeforeReplace = args.overlapping !== true;
    const volume = new docker.Volume(
      `${name}-volume`,
      { name: pulumi.output(carrierName).apply((carrier) => fileVolumeName(carrier, Object.keys(args.files), owner)) },
      { parent: this, deleteBeforeReplace },
    );

    const carrier = new docker.Container(
      `${name}-carrier`,
      {
        name: carrierName,
        image: args.image.id,
        entrypoints: ["/never-started"],
        start: false,
        mustRun: false,
        networkMode: "none",
        restart: "no",
        logDriver: "none",
        // Those that its image makes without a name, and nobody uses; the named one stays.
        removeVolumes: true,
        labels: labelInputs(ownerLabels(args.host, args.system)),
        volumes: [{ volumeName: volume.name, containerPath: folder }],
        uploads: contents.apply((files) =>
          Object.entries(files).map(([file, content]) => ({ file: `${folder}/${file}`, content, permissions: "0400" })),
        ),
      },
      {
        parent: this,
        deleteBeforeReplace,
        hooks: {
          beforeCreate: [(hook) => removeLeftoverContainer(client, hook.newInputs)],
          afterCreate: [async (hook) => putFiles(client, hook.id, await settled, owner)],
        },
      },
    );

    this.volumeName = volume.name;
    this.revision = carrier.id;
    this.registerOutputs({ volumeName: this.volumeName, revision: this.revision });
  }
}

/**
 * Writes files into the volume of a carrier, for one user to read. A carrier that did not get them is removed, so that
 * the next deployment makes it anew.
 */
export async function putFiles(
  client: Docker,
  id: string,
  files: Record<string, string>,
  owner: { uid: number; gid: number },
): Promise<void> {
  const archive = tar.pack();
  for (const [name, content] of Object.entries(files)) {
    archive.entry({ name, mode: 0o400, mtime: new Date(0), ...owner }, content);
  }
  archive.finalize();
  const container = client.getContainer(id);
  try {
    await container.putArchive(Readable.from(archive), { path: folder });
  } catch (error) {
    await container.remove({ v: false, force: true });
    throw error;
  }
}
