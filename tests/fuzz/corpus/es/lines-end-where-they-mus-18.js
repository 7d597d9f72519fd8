M{}/1/g
out(1)