import { checkFilter } from '../queue/filter-options.ts'
import type { Filter } from '../spool/filter.ts'
import type { Call } from './act.ts'
import { type FilterFlags, filterOf, idsGiven } from './filter.ts'
import { UsageError } from './usage-error.ts'

/** The filter of a command that looks: flags, and ids as arguments or from standard input. @throws UsageError */
export async function filterFrom(call: Call<FilterFlags>): Promise<Filter> {
  try {
    const filter = checkFilter(filterOf(call.options))
    const ids: string[] = []
    for await (const some of idsGiven(call.shell, call.args)) {
      if (some === undefined) return filter
      ids.push(...some)
    }
    return { ...filter, ids }
  } catch (error) {
    throw error instanceof TypeError ? new UsageError(error.message, { cause: error }) : error
  }
}
