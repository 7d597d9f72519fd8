M{}/1*=>/g/a/g
out(1)