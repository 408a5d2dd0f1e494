import { constants } from 'node:fs'
import { open } from 'node:fs/promises'

/** Changes the rights of a file or folder; never follows a link in the last part of the path. Rejects with ELOOP, EPERM, ... */
export async function setMode(path: string, mode: number): Promise<void> {
  const handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  try {
    await handle.chmod(mode)
    await handle.sync()
  } finally {
    await handle.close()
  }
}
