// SPDX-License-Identifier: Apache-2.0
// Far ends on loopback, all in one process; prints their ports as JSON.
// argv: a directory for files
'use strict'
const crypto = require('crypto')
const http = require('http')
const jose = require('jose')
const OAuth1 = require('oauth-1.0a')
const { OAuth2Server } = require('oauth2-mock-server')
const { createSchema, createYoga } = require('graphql-yoga')
const S3rver = require('@20minutes/s3rver')

const dir = process.argv[2]

function listen (handler) {
  return new Promise(resolve => {
    const server = http.createServer(handler)
    server.listen(0, '127.0.0.1', () => resolve(server.address().port))
  })
}

function reply (res, status, value) {
  res.writeHead(status, { 'Content-Type': 'application/json' })
  res.end(JSON.stringify(value))
}

// --- OAuth 2: the token server, and one that believes only its signatures ---
async function oauth2 () {
  const server = new OAuth2Server()
  const counts = { token: 0, refused: 0 }
  await server.issuer.keys.generate('RS256')
  server.service.on('beforeResponse', (response, req) => {
    // RFC 6749, 2.3.1: both are form-encoded before they are joined
    const plain = Buffer.from((req.headers.authorization || '').replace('Basic ', ''), 'base64').toString()
    const [id, secret] = plain.split(':').map(s => decodeURIComponent(s.replace(/\+/g, ' ')))
    const inHeader = id === 'client' && secret === 'se cret%'
    const inBody = req.body.client_id === 'client' && req.body.client_secret === 'se cret%'
    counts.token++
    if (!inHeader && !inBody) {
      counts.refused++
      response.statusCode = 401
      response.body = { error: 'invalid_client' }
    }
  })
  // else two tokens of one second are the same
  server.service.on('beforeTokenSigning', token => { token.payload.jti = crypto.randomUUID() })
  await server.start(0, '127.0.0.1')
  const keys = jose.createRemoteJWKSet(new URL(server.issuer.url + '/jwks'))
  const used = new Set()
  const api = await listen(async (req, res) => {
    if (req.url === '/counts') return reply(res, 200, [counts])
    try {
      const token = (req.headers.authorization || '').replace('Bearer ', '')
      await jose.jwtVerify(token, keys, { issuer: server.issuer.url })
      // "/once" takes each token once, so that a second call needs a new one
      if (req.url.startsWith('/once') && used.has(token)) throw new Error('used')
      used.add(token)
      const page = Number(new URL(req.url, 'http://x').searchParams.get('p'))
      reply(res, 200, page < 3 ? [{ id: page }] : [])
    } catch (e) {
      reply(res, 401, { error: e.message })
    }
  })
  return { token: server.address().port, api }
}

// --- GraphQL ----------------------------------------------------------------
function graphql () {
  const parts = Array.from({ length: 25 }, (_, i) => ({ id: 'p' + i, name: 'part "' + i + '"' }))
  const schema = createSchema({
    typeDefs: `
      type Part { id: ID! name: String! broken: String }
      type PageInfo { endCursor: String hasNextPage: Boolean! }
      type Parts { nodes: [Part!]! pageInfo: PageInfo! }
      type Query { parts(first: Int!, after: String, name: String): Parts! }
      type Mutation { add(name: String!): Part }`,
    resolvers: {
      Part: { broken: () => { throw new Error('this field is broken') } },
      Query: {
        parts (_, { first, after, name }) {
          const all = name ? parts.filter(p => p.name === name) : parts
          const from = after ? all.findIndex(p => p.id === after) + 1 : 0
          const nodes = all.slice(from, from + first)
          const last = nodes[nodes.length - 1]
          return {
            nodes,
            pageInfo: {
              endCursor: last ? last.id : null,
              hasNextPage: from + first < all.length
            }
          }
        }
      },
      Mutation: {
        add (_, { name }) {
          const part = { id: 'p' + parts.length, name }
          parts.push(part)
          return part
        }
      }
    }
  })
  return listen(createYoga({ schema, maskedErrors: false, logging: false }))
}

// --- who checks signatures ---------------------------------------------------
const consumer = { key: 'c&key', secret: 'c secret' }
const token = { key: 't=key', secret: 't%secret' }
const hashes = { 'HMAC-SHA1': 'sha1', 'HMAC-SHA256': 'sha256', 'HMAC-SHA512': 'sha512' }

function verifyOAuth1 (req, body) {
  const given = {}
  for (const part of (req.headers.authorization || '').replace(/^OAuth /, '').split(/,\s*/)) {
    const [name, value] = part.split('=')
    given[decodeURIComponent(name)] = decodeURIComponent((value || '').replace(/^"|"$/g, ''))
  }
  const method = given.oauth_signature_method
  const pems = JSON.parse(require('fs').readFileSync(dir + '/keys.json'))
  const oauth = OAuth1({
    consumer,
    signature_method: method,
    hash_function (base, key) {
      if (method === 'PLAINTEXT') return key
      return crypto.createHmac(hashes[method], key).update(base).digest('base64')
    }
  })
  const data = { ...given }
  delete data.oauth_signature
  delete data.realm
  const request = { url: 'http://' + req.headers.host + req.url, method: req.method, data: {} }
  if ((req.headers['content-type'] || '').startsWith('application/x-www-form-urlencoded')) {
    for (const [name, value] of new URLSearchParams(body)) request.data[name] = value
  }
  if (method.startsWith('RSA-')) {
    return crypto.createVerify(method.replace('RSA-', 'RSA-')).update(oauth.getBaseString(request, data))
      .verify(pems.rsa.public, given.oauth_signature, 'base64')
  }
  return oauth.getSignature(request, token.secret, data) === given.oauth_signature
}

async function verifyJwt (req) {
  const alg = req.url.slice(1)
  const pems = JSON.parse(require('fs').readFileSync(dir + '/keys.json'))
  const key = alg.startsWith('HS')
    ? new TextEncoder().encode('a secret that is long enough for all of the three hashes, even 512 bits')
    : await jose.importSPKI(alg.startsWith('ES') ? pems[alg].public : pems.rsa.public, alg)
  const jwt = (req.headers.authorization || '').replace('Bearer ', '')
  const { payload, protectedHeader } = await jose.jwtVerify(jwt, key, { algorithms: [alg], issuer: 'flow' })
  return payload.exp - payload.iat === 300 && protectedHeader.kid === 'key 1'
}

function signatures () {
  return listen((req, res) => {
    let body = ''
    req.on('data', d => { body += d })
    req.on('end', async () => {
      try {
        const good = req.url.startsWith('/oauth1')
          ? verifyOAuth1(req, body)
          : await verifyJwt(req)
        reply(res, good ? 200 : 401, [{ good }])
      } catch (e) {
        reply(res, 401, { error: String(e) })
      }
    })
  })
}

function keys () {
  const pem = pair => ({
    public: pair.publicKey.export({ type: 'spki', format: 'pem' }),
    private: pair.privateKey.export({ type: 'pkcs8', format: 'pem' })
  })
  const ec = curve => pem(crypto.generateKeyPairSync('ec', { namedCurve: curve }))
  const all = {
    rsa: pem(crypto.generateKeyPairSync('rsa', { modulusLength: 2048 })),
    ES256: ec('P-256'),
    ES384: ec('P-384'),
    ES512: ec('P-521')
  }
  require('fs').writeFileSync(dir + '/keys.json', JSON.stringify(all))
}

async function main () {
  keys()
  const s3 = new S3rver({
    address: '127.0.0.1',
    port: 0,
    silent: true,
    directory: dir + '/s3',
    configureBuckets: [{ name: 'flow-test' }]
  })
  const address = await s3.run()
  console.log(JSON.stringify({
    oauth2: await oauth2(),
    graphql: await graphql(),
    signatures: await signatures(),
    s3: address.port
  }))
}

main().catch(e => { console.error(e); process.exit(1) })
