/**
 * Names of file systems, by the number statfs(2) gives (linux/magic.h).
 *
 * Those on which our promise does not hold (tmpfs, nfs, smb, fuse, overlay) and those on which it does, so that `check`
 * can say which it is. ext2 and ext3 share ext4's number.
 */
const KINDS: Readonly<Record<number, string>> = {
  16914836: 'tmpfs',
  2240043254: 'ramfs',
  26985: 'nfs',
  2035054128: 'overlay',
  1702057286: 'fuse',
  20859: 'smb',
  4283649346: 'cifs',
  4266872130: 'smb',
  16914839: '9p',
  12805120: 'ceph',
  61267: 'ext4',
  1481003842: 'xfs',
  2435016766: 'btrfs',
  801189825: 'zfs',
  4076150800: 'f2fs',
  19780: 'vfat',
  538032816: 'exfat',
  1397118030: 'ntfs'
}

/** The name of a file system, or undefined when we do not know the number (always, off Linux). */
export function fileSystemKind(type: number): string | undefined {
  if (process.platform !== 'linux') return undefined
  // Some kernels give the number with its sign.
  return KINDS[type >>> 0]
}
