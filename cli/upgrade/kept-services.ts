import type { DeployedService } from "./history.ts";
import { deployedNow, type Context } from "./context.ts";

/** The stack's services as they are, for the history. */
export async function describeServices(context: Context): Promise<Record<string, DeployedService>> {
  const { members } = await deployedNow(context);
  const services = members.filter(({ kind }) => kind === "service");
  return Object.fromEntries(
    await Promise.all(
      services.map(async ({ id, system, name, image, operations }): Promise<[string, DeployedService]> => {
        const { Image: imageId, Mounts: mounts } = await context.client.getContainer(id).inspect();
        const isDatabase = operations?.database !== undefined;
        const saved = operations?.savedFolders ?? [];
        const volumes = mounts.flatMap(({ Type: type, Name: volume, RW: isWritable, Destination: target }) =>
          type === "volume" && volume !== undefined && isWritable && (isDatabase || saved.includes(target))
            ? [volume]
            : [],
        );
        return [`${system}/${name}`, { image, imageId, isDatabase, volumes }];
      }),
    ),
  );
}
