// iam-simulate by its documented entry, `runSimulation`, or with `--unsafe` by the faster one that validates nothing.

import { runSimulation, runUnsafeSimulation } from '@cloud-copilot/iam-simulate'
import { main, versionOf } from './measure.mjs'

const compile = 'it reads the documents again on every decision'

const validating = {
  answersLater: true,
  unserved: { compile, statements: 'it answers only for services that exist' },
  decide: (request, subject) => runSimulation({ request, ...subject }, {}),
  isAllowed: (result) => result.overallResult === 'Allowed',
}

const unsafe = {
  unserved: { compile },
  decide: (request, subject) => runUnsafeSimulation({ request, ...subject }, {}),
  isAllowed: (result) => result === 'Allowed',
}

await main({
  ...(process.argv.includes('--unsafe') ? unsafe : validating),
  version: versionOf('@cloud-copilot/iam-simulate'),

  subjects: (row, documents) => {
    const named = (name) => ({ name, policy: documents[name].aws })
    return row.principals.map((who) => ({
      identityPolicies: who.identity.map(named),
      permissionBoundaryPolicies: who.boundary ? [named(who.boundary)] : undefined,
      serviceControlPolicies: who.scps.map((level, depth) => ({
        orgIdentifier: `level-${depth}`,
        policies: level.map(named),
      })),
      resourceControlPolicies: [],
    }))
  },

  request: (question, who, given) => ({
    principal: who.arn,
    action: question.action,
    resource: { resource: question.resource, accountId: given.account },
    contextVariables: { ...given.always, ...question.context },
  }),
})
