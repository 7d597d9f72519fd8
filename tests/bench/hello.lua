require "apache2"

function handle(r)
    local query = r:parseargs()
    r.content_type = "application/json"
    r:puts('{"hello":"' .. (query.name or '') .. '","method":"' .. r.method .. '"}')
    return apache2.OK
end
