// The far end "ERP": keeps a file per document, and has one old interface that
// answers 200 whatever happens.
import { exports, imports } from 'integrator-api'

function store (kind, options) {
  var doc = options.body
  doc.kind = kind
  var done = imports.run({ _id: 'erp-write', data: doc })
  if (done.statusCode !== 200) {
    return { statusCode: 500, body: { message: done.errors[0].message } }
  }
  return { statusCode: 201, body: { internalId: kind + '-' + doc.externalId } }
}

function list (kind) {
  return exports.run({ _id: 'erp-read' }).data.filter(function (doc) { return doc.kind === kind })
}

function handleRequest (options) {
  var kind = options.path === '/customers' ? 'customer' : 'order'
  if (options.path === '/legacy') {
    return { statusCode: 200, body: { status: 'error', message: 'period is closed' } }
  }
  if (options.method === 'GET') {
    return { statusCode: 200, body: list(kind) }
  }
  if (options.headers.authorization !== 'Basic aW50ZWdyYXRpb246ZGVtby1lcnAtcGFzc3dvcmQ=') {
    return { statusCode: 401, body: { message: 'who are you?' } }
  }
  return store(kind, options)
}
