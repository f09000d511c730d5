// cedar-wasm with policy sets parsed beforehand, one per principal, and `statefulIsAuthorized`.

import cedar from '@cedar-policy/cedar-wasm/nodejs'
import { main, versionOf } from './measure.mjs'

const parse = (name, text) => {
  const answer = cedar.preparsePolicySet(name, { staticPolicies: text, templates: {}, templateLinks: [] })
  if (answer.type !== 'success') throw new Error(JSON.stringify(answer.errors))
}

await main({
  version: versionOf('@cedar-policy/cedar-wasm'),
  unserved: {},

  subjects: (row, documents) =>
    row.principals.map((who) => {
      const names = [...who.identity, ...(who.boundary ? [who.boundary] : []), ...who.scps.flat()]
      const set = `${row.row} ${who.name}`
      parse(set, names.map((name) => documents[name].cedar).join(''))
      return set
    }),

  request: (question, who, given) => ({
    principal: { type: 'Role', id: who.role_arn },
    action: { type: 'Action', id: question.action },
    resource: { type: 'Resource', id: question.resource },
    context: { ...given.always, ...question.context, action: question.action, resource: question.resource },
    entities: [],
  }),

  decide: (request, subject) => cedar.statefulIsAuthorized({ ...request, preparsedPolicySetId: subject }),
  isAllowed: (answer) => answer.type === 'success' && answer.response.decision === 'allow',
  compileText: (text) => parse('fresh', text),
})
